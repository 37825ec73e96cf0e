/* SPDX-License-Identifier: BSD-3-Clause
 *
 * tunnel.h: tunnels and pseudowires in the control plane.
 *
 * A tunnel is an interface_object with a tunnel_object beside it, which holds the struct tunnel
 * that the data plane gets (dataplane/shm/tunnel.h) and what the control plane alone knows.
 *
 * Tunnels to one remote address in one VRF share an underlay: the leaf that the VRF's routes have
 * for it, and a reference on the nexthop, group or path list behind the leaf. fib.c says which
 * prefixes change (underlay_mark); underlay_follow, after each command and from model_poll, looks
 * the marked ones up again. A route over a tunnel may be the way to another tunnel's remote end,
 * never to its own.
 *
 * A tunnel is usable if nothing is in its way (enum tunnel_trouble). One that is not has underlay
 * word 0, and nexthops by it are unresolved: backups take over and recursive routes look for
 * another way. The exception is RECURSIVE: routes stay with such a tunnel, or it would come and go
 * for ever.
 */
#ifndef SHUNT_OBJECT_TUNNEL_H
#define SHUNT_OBJECT_TUNNEL_H

#include <bsd/sys/tree.h>
#include "dataplane/shm/tunnel.h"
#include "route.h"

enum {
	ETHERNET_HEADER_SIZE = 14,
	TUNNEL_MTU_MIN = 68, /* RFC 791 3.2 */
};

enum tunnel_trouble {
	TUNNEL_FINE,
	TUNNEL_NO_LOCAL,  /* the local address is not ours */
	TUNNEL_NO_ROUTE,  /* nothing leads to the remote end */
	TUNNEL_OWN,       /* the remote address is ours */
	TUNNEL_RECURSIVE, /* the way to the remote end leads through the tunnel itself */
	TUNNEL_BY_DOWN,   /* it leads through tunnels that are down */
	TUNNEL_SILENT,    /* no answer to keepalives */
};

struct tunnel_key { /* no padding: two tunnels must differ in it */
	uint8_t local[16], remote[16];
	uint32_t id;
	uint16_t vrf; /* outer */
	uint8_t mode; /* enum tunnel_mode */
	uint8_t keyed;
};
static_assert(sizeof(struct tunnel_key) == 40, "tunnel_key has no padding");

struct tunnel_place { /* an address in a VRF; no padding */
	uint8_t address[16];
	uint32_t vrf;
};

struct tunnel_settings {
	struct tunnel wire; /* header and header_length are made by tunnel_template */
	uint64_t keepalive; /* ns between two; 0: none */
	uint16_t mss;       /* TCP segments are clamped to it; 0: not */
	uint8_t retries;
};

struct underlay {
	struct tunnel_place place; /* the remote end */
	uint32_t leaf;             /* route leaf with a reference, or LPM_NONE */
	struct path_list *list;    /* behind the leaf, or NULL */
	uint16_t mtu;              /* of the narrowest way; 0: none */
	enum tunnel_trouble trouble;
	bool nested, dirty; /* leads by tunnels; is in model->underlays_dirty */
	struct tunnel_object *tunnels;
	struct underlay *dirty_prev, *dirty_next;
	struct underlay *list_prev, *list_next;     /* model->underlays_listed: has a list */
	struct underlay *nested_prev, *nested_next; /* model->underlays_nested */
	RB_ENTRY(underlay) tree;                    /* model->underlays, by VRF and address */
};

struct tunnel_local { /* a local address of tunnels */
	struct tunnel_place place;
	bool ours;
	struct tunnel_object *tunnels;
	UT_hash_handle hh; /* model->tunnel_locals, by place */
};

struct tunnel_object {
	struct interface_object *interface;
	struct tunnel_key key;
	struct tunnel_settings settings;
	struct underlay *underlay; /* NULL: remote any, pseudowire */
	struct tunnel_local *local; /* pseudowire: NULL */
	struct nexthop_object *way; /* pseudowire: puts on the labels above its own; else NULL */
	enum tunnel_trouble trouble;
	uint16_t mtu;            /* that its underlay lets through */
	bool silent;             /* keepalives are not answered */
	bool usable, avoided;    /* as nexthops by it, and recursive routes, were told */
	bool scheduled;          /* is in the wheel of keepalives */
	uint8_t unanswered;      /* keepalives since the last answer */
	uint64_t keepalive_sent; /* ns: the last one */
	uint64_t keepalive_due;  /* ns: the next one */
	enum tunnel_told { TOLD_NOTHING, TOLD_DOWN, TOLD_UP } told; /* as an event */
	uint64_t changed;        /* ns: when it last became usable or not; 0: never was */
	uint64_t keepalives_sent, keepalives_answered, keepalives_returned;
	struct tunnel_object *under_prev, *under_next; /* of the underlay; model->pseudowires */
	struct tunnel_object *local_prev, *local_next;         /* of the local address */
	struct tunnel_object *keepalive_prev, *keepalive_next; /* of the wheel */
	UT_hash_handle hh; /* model->tunnels, by key; not a pseudowire */
};

/* ---- tunnel.c ---- */

const char *tunnel_mode_name(enum tunnel_mode mode);

/* ---- tunnel_settings.c ---- */

/* What the command asks for, over what `settings` has. Refuses what does not go together. */
int tunnel_settings_from(const struct arguments *arguments, const char *name,
			 struct tunnel_settings *settings, struct error *error);
void tunnel_settings_to(const struct tunnel_settings *settings, const struct arguments *only,
			struct arguments *arguments);
extern const struct interface_numbers tunnel_numbers;

/* ---- tunnel_publish.c ---- */

/* Object beside its interface: in model->tunnels, its underlay and its local address. -ENOMEM */
int tunnel_attach(struct model *model, struct interface_object *interface,
		  const struct tunnel_settings *settings);
void tunnel_detach(struct model *model, struct interface_object *interface);
/* What makes the difference between tunnels. */
struct tunnel_key tunnel_key_of(const struct tunnel *wire);
/* Trouble, underlay word and MTU anew; nexthops follow. True: it became usable or unusable. */
bool tunnel_evaluate(struct model *model, struct tunnel_object *tunnel);

/* tunnel_evaluate, and what follows from it elsewhere. */
void tunnel_changed(struct model *model, struct tunnel_object *tunnel);

/* ---- pseudowire.c ---- */

/* Route leaf of the way to the other end: its row's underlay. */
uint32_t pseudowire_leaf(const struct tunnel_object *tunnel);
/* Bytes of a frame behind its Ethernet header that its way has room for. */
unsigned int pseudowire_room(const struct tunnel_object *tunnel);

/* ---- tunnel_keepalive.c ---- */

/* Ask the remote end from now on, if that is configured; or no more. */
void keepalive_start(struct model *model, struct tunnel_object *tunnel);
void keepalive_stop(struct model *model, struct tunnel_object *tunnel);
/* A tunnel that is due to ask at `now` (ns), due again an interval later; NULL: none. */
struct tunnel_object *keepalive_next(struct model *model, uint64_t now);
/* It has asked: down, once too many stay without an answer. */
void keepalive_asked(struct model *model, struct tunnel_object *tunnel);
/* Our own keepalive came back. */
void keepalive_answered(struct model *model, struct tunnel_object *tunnel);

/* ---- underlay.c ---- */

/* The shared underlay of a remote end. NULL: no memory. */
struct underlay *underlay_acquire(struct model *model, const struct tunnel_object *tunnel);
/* Nobody's any more, unless it has tunnels. */
void underlay_release(struct model *model, struct underlay *underlay);
/* At the end: the objects alone. */
void underlays_close(struct model *model);
/* One that is new. */
void underlay_mark_one(struct model *model, struct underlay *underlay);
/* Those whose way leads by tunnels: some tunnel has changed. */
void underlay_mark_nested(struct model *model);

#endif
