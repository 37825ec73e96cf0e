/* SPDX-License-Identifier: BSD-3-Clause
 *
 * model-fixture.h: a control plane's model in a run directory of its own, spoken to in command
 * lines, and a data plane that the test plays: it owns the state file.
 */
#ifndef TESTS_UNIT_MODEL_FIXTURE_H
#define TESTS_UNIT_MODEL_FIXTURE_H

#include "controlplane/object/object.h"
#include "instance.h"

struct fixture {
	struct instance instance; /* its directory and, while the data plane is played, its state */
	struct model *model;
	struct error error;
	struct arguments *arguments, *undo;
};

extern const uint8_t port_macs[2][6];

int fixture_empty(void **state); /* settled, no data plane */
int fixture_small(void **state); /* the same with a heap that holds little */
int fixture_ports(void **state); /* data plane; p0 10.0.0.1/24 and p1 10.0.1.1/24 with one neighbour
				  * each (.2), MACs known */
int fixture_remove(void **state);

void model_begin(struct fixture *fixture, uint64_t heap_size); /* open, not settled */
void model_end(struct fixture *fixture);

/* Execute a line; it must be accepted. */
void say(struct fixture *fixture, const char *line);
/* Execute a line; it must be refused with this text in the message. */
void refused(struct fixture *fixture, const char *line, const char *text);
/* Parse a line that must be a good one. */
void parse(struct fixture *fixture, const char *line);

/* The data plane appears, with one worker that is offline. */
void dataplane_begin(struct fixture *fixture);
void dataplane_end(struct fixture *fixture);
/* It answers the wish of a port row. */
void dataplane_answers(struct fixture *fixture, unsigned int port, const uint8_t mac[6], bool link);

/* All commands of the running configuration, one line each; to be freed. */
char *configuration(struct fixture *fixture);
/* Execute a line and then its inverse: it must change the configuration, which is then as it was. */
void inverse_of(struct fixture *fixture, const char *line);
/* A show command's result; must succeed. */
json_t *show(struct fixture *fixture, const char *line);
/* A show command that must be refused with this text in the message. */
void show_refused(struct fixture *fixture, const char *line, const char *text);

uint64_t word_of(struct fixture *fixture, uint32_t label);
/* Packets that `mpls show` counts for it. */
uint64_t packets_of(struct fixture *fixture, uint32_t label);
const struct rewrite *rewrite_of(struct fixture *fixture, uint32_t nexthop);

#endif
