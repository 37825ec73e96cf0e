/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch-program.h"

enum { SHIFT_MAX = 31 };

static bool arithmetic_runs(const struct bpf_insn *at)
{
	bool constant = BPF_SRC(at->code) == BPF_K;

	switch (at->code & ~(unsigned int)BPF_X) {
	case BPF_ALU | BPF_ADD:
	case BPF_ALU | BPF_SUB:
	case BPF_ALU | BPF_MUL:
	case BPF_ALU | BPF_AND:
	case BPF_ALU | BPF_OR:
	case BPF_ALU | BPF_XOR:
		return true;
	case BPF_ALU | BPF_DIV:
	case BPF_ALU | BPF_MOD:
		return !constant || at->k != 0;
	case BPF_ALU | BPF_LSH:
	case BPF_ALU | BPF_RSH:
		return !constant || at->k <= SHIFT_MAX;
	case BPF_ALU | BPF_NEG:
		return constant;
	default:
		return false;
	}
}

/* `left`: instructions behind it. */
static bool jump_runs(const struct bpf_insn *at, unsigned int left)
{
	switch (at->code & ~(unsigned int)BPF_X) {
	case BPF_JMP | BPF_JA:
		return BPF_SRC(at->code) == BPF_K && at->k < left;
	case BPF_JMP | BPF_JEQ:
	case BPF_JMP | BPF_JGT:
	case BPF_JMP | BPF_JGE:
	case BPF_JMP | BPF_JSET:
		return at->jt < left && at->jf < left;
	default:
		return false;
	}
}

static bool instruction_runs(const struct bpf_insn *at, unsigned int left)
{
	switch (at->code) {
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_H | BPF_ABS:
	case BPF_LD | BPF_B | BPF_ABS:
	case BPF_LD | BPF_W | BPF_IND:
	case BPF_LD | BPF_H | BPF_IND:
	case BPF_LD | BPF_B | BPF_IND:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_MSH | BPF_B:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
		return true;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return at->k < BPF_MEMWORDS;
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
		return true;
	default:
		return BPF_CLASS(at->code) == BPF_ALU ? arithmetic_runs(at) : jump_runs(at, left);
	}
}

bool watch_program_runs(const struct bpf_insn *program, unsigned int count)
{
	if (count == 0 || BPF_CLASS(program[count - 1].code) != BPF_RET)
		return false;
	for (unsigned int i = 0; i < count; i++)
		if (!instruction_runs(&program[i], count - 1 - i))
			return false;
	return true;
}
