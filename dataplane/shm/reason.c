/* SPDX-License-Identifier: BSD-3-Clause */
#include "reason.h"
#include "layout.h"

static_assert((int)DROP_REASON_COUNT <= (int)DROP_REASON_MAX, "drop reasons fit their counters");
static_assert((int)PUNT_REASON_COUNT <= (int)PUNT_REASON_MAX, "punt reasons fit their counters");

struct reason {
	const char *name;
	const char *text;
};

#define X(name, text) { #name, text },
static const struct reason drop_reasons[] = { DROP_REASONS(X) };
static const struct reason punt_reasons[] = { PUNT_REASONS(X) };
#undef X
#define X(name, text) #name,
static const char *const stages[] = { STAGES(X) };
#undef X

const char *drop_reason_name(unsigned int reason)
{
	return reason < DROP_REASON_COUNT ? drop_reasons[reason].name : "?";
}

const char *drop_reason_text(unsigned int reason)
{
	return reason < DROP_REASON_COUNT ? drop_reasons[reason].text : "?";
}

const char *punt_reason_name(unsigned int reason)
{
	return reason < PUNT_REASON_COUNT ? punt_reasons[reason].name : "?";
}

const char *punt_reason_text(unsigned int reason)
{
	return reason < PUNT_REASON_COUNT ? punt_reasons[reason].text : "?";
}

const char *stage_name(unsigned int stage)
{
	return stage < STAGE_COUNT ? stages[stage] : "?";
}
