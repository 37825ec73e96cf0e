/* SPDX-License-Identifier: BSD-3-Clause
 *
 * model.h: the control plane's private model, for the files in object/ and protocol/ alone.
 *
 * Objects (model-state.h) say what was configured. Each kind has one file with its handlers (check, then
 * change) and a publish function (object to tables). Two phases:
 *
 *  - Replay, from model_open to model_settle: handlers change the objects only. A journal goes
 * through states that are long past (a label that was deleted and added again, a port that was down
 * for a minute), and packets must not see them go by. Label words are staged in private arrays. New
 *    nexthops and groups do get their indexes, since nothing that forwards refers to them.
 *  - Afterwards, handlers publish each change at once. model_settle publishes everything that
 * differs from the tables and unlinks what no object asked for.
 *
 * Deletion is in the order: unlink (label word, member), grace period, nexthop or group word to
 * free, grace period, reuse of the index. So a worker that holds a label's old word still forwards
 * by it.
 */
#ifndef SHUNT_OBJECT_MODEL_H
#define SHUNT_OBJECT_MODEL_H

#include <errno.h>
#include "controlplane/object/model-state.h"

/* ---- refusing ---- */

/* Say no with a negative errno, which is returned. */
#define refuse(error, code, ...) error_set((error), ERROR_REFUSED, (code), __VA_ARGS__)

/* A table or its memory is full, or the data plane does not let go of what is free: say which. */
int refuse_full(struct model *model, struct error *error, const char *table, uint64_t used,
		uint64_t capacity);

/* End grace periods that are over, if there is any. True: something was freed, so try again. */
bool model_reclaim(struct model *model);

/* Evaluate `call` (0 or -errno); once more if it was -ENOSPC and memory has come back. */
#define when_full_again(model, call)                                                               \
	({                                                                                         \
		int result_ = (call);                                                              \
		if (result_ == -ENOSPC && model_reclaim(model))                                    \
			result_ = (call);                                                          \
		result_;                                                                           \
	})

/* Log a line to standard error and keep it in model->error. */
void model_complain(struct model *model, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- the dispatch table: one row per changing command ---- */

struct handler {
	int (*execute)(struct model *model, const struct arguments *arguments, struct error *error);
	/* as model_inverse */
	int (*inverse)(const struct model *model, const struct arguments *arguments,
		       struct arguments *undo);
};

/* Start an empty command in `arguments`. */
void arguments_begin(struct arguments *arguments, enum command_id id);
/* Set one parameter: a number (flag, word, ...), or a string, copied. */
void argument_number(struct arguments *arguments, unsigned int parameter, uint64_t number);
void argument_string(struct arguments *arguments, unsigned int parameter, const char *string);
/* The same for one of the values of a path, or of anything in `arguments`, where the text stands. */
void string_keep(struct arguments *arguments, const char *string, struct value *value,
		 uint64_t *present, unsigned int parameter);

/* ---- interface.c, port.c, vlan.c ---- */

struct interface_object *interface_find(const struct model *model, const char *name);
/* By name, refusing an unknown one with what was expected. */
struct interface_object *interface_get(const struct model *model, const char *name,
				       struct error *error);
/* Refuse a name that is taken. */
int interface_name_free(const struct model *model, const char *name, struct error *error);
/* A new object with a row, not published; NULL: rows are used up (*error set). The row of a found
 * interface of the same name and kind is taken over. */
struct interface_object *interface_new(struct model *model, const char *name,
				       enum interface_kind kind, struct interface_object *parent,
				       const struct interface_settings *settings,
				       struct error *error);
/* Write row, spaces and flags as `settings` ask, and make them the object's. -ENOSPC: nothing
 * changed, *error set. Subinterfaces, MAC and nexthops follow. */
int interface_apply(struct model *model, struct interface_object *interface,
		    const struct interface_settings *settings, struct error *error);
/* Unlink the row and forget the object. */
void interface_delete(struct model *model, struct interface_object *interface);
/* Forget an object whose first interface_apply failed. */
void interface_abandon(struct model *model, struct interface_object *interface);
/* Refuse if anything refers to it. */
int interface_unused(struct model *model, const struct interface_object *interface,
		     struct error *error);
/* All of them, tunnels last. NULL: begin; NULL back: that was the last one. */
static inline struct interface_object *interface_next(const struct model *model,
						      const struct interface_object *after)
{
	bool tunnel = after != NULL && (after->kind == INTERFACE_TUNNEL ||
					after->kind == INTERFACE_PSEUDOWIRE);
	struct interface_object *next = after != NULL ? after->hh.next : model->interfaces;

	return next != NULL || tunnel ? next : model->tunnel_interfaces;
}
#define FOREACH_INTERFACE(model, i)                                                                \
	for ((i) = interface_next(model, NULL); (i) != NULL; (i) = interface_next(model, i))
/* Is its row valid? */
bool interface_published(const struct model *model, const struct interface_object *interface);
/* The row's flags once more: MTU or a like thing has changed. */
void interface_flags_publish(struct model *model, const struct interface_object *interface);
/* Row word and what follows from it, for settle. */
int interface_publish(struct model *model, struct interface_object *interface);
void interface_unlink_row(struct model *model, uint32_t index);
/* The bits of `mask` in the row's features become those of `bits`. */
void interface_features_set(struct model *model, uint32_t index, uint64_t mask, uint64_t bits);
/* What may leave by it: no more than what is configured, nor than its port's device takes now. */
uint16_t interface_mtu(const struct interface_object *interface);
bool interface_is_up(const struct interface_object *interface);
const char *interface_kind_name(enum interface_kind kind);
/* The device's own MTU, which may lag behind the wish or have refused it; nexthops follow. */
void interface_device_mtu(struct model *model, struct interface_object *port, uint16_t mtu);
/* A new MAC for a port and its subinterfaces; nexthops on them follow. */
void interface_mac_learned(struct model *model, struct interface_object *port,
			   const uint8_t mac[6]);
/* It may be on another link now, or has another MAC: its addresses are asked for again (protocol/dad.h) and
 * announced. */
void interface_link_changed(struct model *model, struct interface_object *interface);

/* Ethernet header out of the interface, right-aligned: to, from, tags, type (IEEE 802.1Q, 802.1ad:
 * two tags are 0x88a8 outside and 0x8100 inside). Returns its length: 14, 18 or 22 bytes. */
unsigned int interface_header(const struct interface_object *interface, const uint8_t to[6],
			      unsigned int type, uint8_t header[24]);

/* Parameters that the three kinds share, by their numbers in the command; UINT_MAX: has none. */
struct interface_numbers {
	unsigned int mtu, mpls, space, upstream_space, vrf, rpf, admin;
};
int interface_settings_from(const struct arguments *arguments,
			    const struct interface_numbers *numbers,
			    const struct interface_object *interface,
			    struct interface_settings *settings, struct error *error);
/* Put settings into a command: all of them, or those that are present in `only`. */
void interface_settings_to(const struct interface_settings *settings,
			   const struct interface_numbers *numbers, const struct arguments *only,
			   struct arguments *arguments);

int port_wish_publish(struct model *model, struct interface_object *port,
		      const struct interface_settings *settings);
void port_poll(struct model *model);
int vlan_entry_publish(struct model *model, struct interface_object *vlan,
		       const struct interface_settings *settings);
void vlan_entry_remove(struct model *model, const struct interface_object *vlan);
void vlan_sweep(struct model *model);

extern const struct handler port_add_handler, port_set_handler, port_del_handler;
extern const struct handler vlan_add_handler, vlan_set_handler, vlan_del_handler;
extern const struct handler loopback_add_handler, loopback_set_handler, loopback_del_handler;
void port_add_arguments(const struct interface_object *port, struct arguments *arguments);
void vlan_add_arguments(const struct interface_object *vlan, struct arguments *arguments);
/* The command that makes this interface as it is. */
void interface_to_arguments(const struct model *model, const struct interface_object *interface,
			    struct arguments *arguments);

/* ---- tunnel.c, tunnel_publish.c: what the other files need to know of tunnels (tunnel.h) ---- */

extern const struct handler tunnel_add_handler, tunnel_set_handler, tunnel_del_handler;
void tunnel_add_arguments(const struct interface_object *interface, struct arguments *arguments);
/* Does it carry IP packets, so that addresses and routes may be on it? */
bool tunnel_carries_ip(const struct interface_object *interface);
/* Is there one remote end, so that packets can be sent? */
bool tunnel_has_remote(const struct interface_object *interface);
/* The row's object and features, if they differ. -ENOSPC */
int tunnel_row_publish(struct model *model, const struct interface_object *interface);
/* MTU inside; whether nexthops by it can send. */
uint16_t tunnel_mtu(const struct interface_object *interface);
bool tunnel_usable(const struct interface_object *interface);
/* A tunnel that is down, so that recursive routes look for another way. False for others. */
bool tunnel_avoided(const struct interface_object *interface);
/* For struct model_private. */
bool tunnel_private_status(const struct model *model, uint32_t interface,
			   struct tunnel_status *status);
/* Settle, when the routes are there: ways, and the hash entries; those of nobody go. */
void tunnel_settle(struct model *model);
void tunnel_close(struct model *model);
/* An address came or went: tunnels from it may work now, or no more. */
void tunnel_address_changed(struct model *model, uint16_t vrf, const struct address *address);

/* ---- pseudowire.c ---- */

extern const struct handler pseudowire_add_handler, pseudowire_set_handler, pseudowire_del_handler;
void pseudowire_add_arguments(const struct model *model, const struct interface_object *interface,
			      struct arguments *arguments);
/* MTUs have changed somewhere: what has room in pseudowires may have too. */
void pseudowires_mtu_changed(struct model *model);
/* For messages: a pseudowire that goes by the nexthop. False: none does. */
bool pseudowire_user(const struct model *model, const struct nexthop_object *nexthop, char *text,
		     size_t size);
/* At the end: the objects alone. */
void pseudowires_close(struct model *model);

/* ---- underlay.c ---- */

struct route_prefix;
/* The prefix has another leaf: tunnels to somewhere in it look at the next follow. */
void underlay_mark(struct model *model, const struct route_prefix *prefix);
/* MTUs have changed somewhere; the members of some path list have. */
void underlay_mark_all(struct model *model);
void underlay_mark_listed(struct model *model);
/* Look the marked ones up, until nothing changes any more. */
void underlay_follow(struct model *model);
/* Refuse a change that leads a tunnel into itself: `prefix` is to have this leaf. */
int underlay_check(const struct model *model, const struct route_prefix *prefix, uint32_t leaf,
		   struct error *error);
/* Does this leaf lead by tunnels alone that routes leave because they are down? */
bool leaf_avoided(const struct model *model, uint32_t leaf);

/* ---- address.c ---- */

extern const struct handler address_add_handler, address_del_handler;
bool prefix_contains(const struct address *network, unsigned int length,
		     const struct address *address);
bool address_is_link_local(const struct address *address);
/* The interface's address whose network has `address`, or NULL. Link-local ones are on every
 * Ethernet interface: see address_connected. */
const struct address_object *address_covering(const struct interface_object *interface,
					      const struct address *address);
bool address_connected(const struct interface_object *interface, const struct address *address);
/* Who has exactly this address in the VRF, or NULL. */
const struct address_object *address_own(const struct model *model, uint16_t vrf,
					 const struct address *address);
/* Why no host can have this address on a network of this prefix length, or NULL. */
const char *address_trouble(const struct address *address, unsigned int length, bool loopback);
void prefix_format(const struct address *address, unsigned int length, char text[52]);
void address_to_arguments(const struct address_object *object, struct arguments *arguments);

/* ---- neigh.c ---- */

extern const struct handler neigh_add_handler, neigh_replace_handler, neigh_del_handler;
struct neighbour_object *neighbour_find(const struct model *model, const struct address *address,
					const struct interface_object *interface);
/* Find or make one, for a nexthop to go by. NULL: out of memory. */
struct neighbour_object *neighbour_acquire(struct model *model, const uint8_t via[16],
					   struct interface_object *interface);
/* Forget it unless it is configured or used. */
void neighbour_release(struct model *model, struct neighbour_object *neighbour);
int neighbour_publish(struct model *model, const struct neighbour_object *neighbour);
void neighbour_sweep(struct model *model);
/* Nexthops that go by it get their rewrites anew. */
void neighbour_refresh_nexthops(struct model *model, struct neighbour_object *neighbour);
void neigh_to_arguments(const struct neighbour_object *neighbour, struct arguments *arguments);

/* ---- neigh-dynamic.c ---- */

/* Nanoseconds by the model's clock. */
uint64_t model_now(const struct model *model);
/* Can it be sent to? */
bool neighbour_known(const struct neighbour_object *neighbour);
/* Somebody needs it: it is asked at the next turn unless it is known or asked already. */
void neighbour_need(struct model *model, struct neighbour_object *neighbour);
/* Find or make a dynamic one. NULL: a limit is reached (counted), or no memory. */
struct neighbour_object *neighbour_discover(struct model *model, const struct address *address,
					    struct interface_object *interface);
/* It has this MAC and is in state REACHABLE, STALE or PROBE from now on: table entry and rewrites
 * follow, and the route tables are told if it was not known. Not for configured ones. */
void neighbour_learned(struct model *model, struct neighbour_object *neighbour,
		       const uint8_t mac[6], enum neighbour_state state);
/* Nobody answers: the opposite. It stays in state FAILED while a nexthop goes by it, else it is
 * forgotten: the pointer is not valid any more if this returns false. */
bool neighbour_lost(struct model *model, struct neighbour_object *neighbour);
/* Tell the route tables, unless they know already (fib-hook.h). */
void neighbour_tell(struct model *model, struct neighbour_object *neighbour, bool known);
/* Forget what is known of a dynamic neighbour; the object goes if no nexthop goes by it. */
void neighbour_forget(struct model *model, struct neighbour_object *neighbour);
/* Forget it unless a nexthop goes by it that is not its host route's. True: forgotten. */
bool neighbour_yield(struct model *model, struct neighbour_object *neighbour);
/* Before an interface or one of its addresses goes: forget its dynamic neighbours (NULL: all; else
 * those on that network alone) but for those that nexthops go by. */
void neighbour_flush(struct model *model, const struct interface_object *interface,
		     const struct address_object *network);
/* The link came back: another machine may be at its other end. All are asked again. */
void neighbour_suspect(struct model *model, struct interface_object *interface);
/* Do something about it at `due` (ns). */
void neighbour_schedule(struct model *model, struct neighbour_object *neighbour, uint64_t due);
void neighbour_unschedule(struct model *model, struct neighbour_object *neighbour);
/* One that is due at `now`, out of the wheel; NULL: none. */
struct neighbour_object *neighbour_due(struct model *model, uint64_t now);
/* Let a packet wait (copied). The oldest makes room if there are too many for this neighbour. */
void neighbour_queue(struct model *model, struct neighbour_object *neighbour, const void *packet,
		     size_t length, uint16_t vrf, uint32_t ingress);
/* The oldest packet, out of the queue, to be freed by the caller; NULL: none. */
struct neighbour_packet *neighbour_dequeue(struct model *model, struct neighbour_object *neighbour);
/* Settle: learned entries of the tables are stale neighbours now; what nexthops need is asked. */
void neighbour_take_over(struct model *model);
/* Settle: tell the route tables who is known. */
void neighbour_tell_fib(struct model *model);
const char *neighbour_state_name(const struct neighbour_object *neighbour);
/* For struct model_private. */
const char *neighbour_private_state(const struct model *model, const struct neighbour_key *key,
				    uint64_t *age);
void neighbour_private_unknown(const struct model *model,
			       void (*visit)(void *context, const struct neighbour_key *key),
			       void *context);
/* fe80::/64 and the modified EUI-64 of the interface's MAC. RFC 4291 2.5.1, RFC 4862 5.3 */
void interface_link_local(const struct interface_object *interface, struct address *address);

/* ---- nexthop.c ---- */

/* The shared nexthop for a request, with one more reference. `where` ("path 2: " or "") begins the
 * messages. */
int nexthop_acquire(struct model *model, const struct nexthop_request *request, const char *where,
		    struct nexthop_object **nexthop, struct error *error);
void nexthop_release(struct model *model, struct nexthop_object *nexthop);
/* Write its rewrite anew, if it differs; marks it dirty when there is no memory now. */
void nexthop_refresh(struct model *model, struct nexthop_object *nexthop);
void nexthop_refresh_interface(struct model *model, struct interface_object *interface);
void nexthop_refresh_dirty(struct model *model);
int nexthop_load(struct model *model);
/* Settle: write what differs; remove those that nobody asked for (after the labels are settled). */
void nexthop_refresh_all(struct model *model);
void nexthop_sweep(struct model *model);
/* "nexthop via 10.0.0.2 dev p0 (label 100)": for refusals. */
void nexthop_describe(const struct model *model, const struct nexthop_object *nexthop, char *text,
		      size_t size);

/* What makes the nexthop of a request; no backup's or nexthop's existence is needed. -ENETUNREACH:
 * `via` is on no connected network. */
int nexthop_resolve(struct model *model, const struct nexthop_request *request, const char *where,
		    struct nexthop_key *key, struct error *error);
/* The shared nexthop of a key, with one more reference. -ENOSPC, -ENOMEM. */
int nexthop_acquire_key(struct model *model, const struct nexthop_key *key,
			struct nexthop_object **nexthop);
/* A key that leads nowhere: NEXTHOP_UNRESOLVED or NEXTHOP_BLACKHOLE. */
void nexthop_key_nowhere(enum nexthop_kind kind, struct nexthop_key *key);
/* A nexthop by this neighbour besides that of its host route, or NULL. */
struct nexthop_object *neighbour_user(const struct neighbour_object *neighbour);

/* ---- path.c ---- */

/* A path's hop and the labels that it puts on, as a request. */
void path_to_request(const struct path *path, const uint32_t *labels, unsigned int label_count,
		     struct nexthop_request *request);
/* via, dev and backup of a request into an empty path; strings go to arguments->text. */
void path_put_hop(struct arguments *arguments, struct path *path,
		  const struct nexthop_request *request);
void path_put_stack(struct path *path, enum path_parameter parameter, const uint32_t *labels,
		    unsigned int count);
/* The request that gives this nexthop, its labels all in it. */
void path_of_nexthop(const struct model *model, uint32_t nexthop, struct nexthop_request *request);

/* ---- group.c ---- */

/* A group of a path list's own, or a change of its members. The caller's references on the members
 * go over to it unless this fails. */
int group_own(struct model *model, const struct group_members *members, struct path_list *list,
	      struct group_object **group);
int group_change(struct model *model, struct group_object *group,
		 const struct group_members *members);

/* The shared group with these members, with one more reference. The caller holds a reference on
 * each member, which the group takes over unless this fails. `reuse`: the group that the caller is
 * about to release; if nobody else uses it, it is changed in place, else the new group begins like
 * it: either way flows stay where they can. NULL: none. */
int group_acquire(struct model *model, const struct group_members *members,
		  struct group_object *reuse, struct group_object **group, struct error *error);
void group_release(struct model *model, struct group_object *group);
int group_load(struct model *model);
/* Settle: a change of members that a dead process did not finish; groups that nobody asked for. */
void group_repair(struct model *model);
void group_sweep(struct model *model);

/* ---- label_route.c ---- */

extern const struct handler mpls_add_handler, mpls_replace_handler, mpls_del_handler;
/* A label's word as configured: staged during replay, else the tables'. */
uint64_t label_word(const struct model *model, unsigned int space, uint32_t label);
/* Some label that uses this nexthop or a group with it: for messages. False: none. */
bool label_user(const struct model *model, uint32_t nexthop, unsigned int *space, uint32_t *label);
void label_settle(struct model *model);
void mpls_to_arguments(const struct model *model, unsigned int space, uint32_t label, uint64_t word,
		       struct arguments *arguments);

/* ---- route.c, fib.c, path_list.c ---- */

extern const struct handler route_add_handler, route_replace_handler, route_del_handler;
/* The address' network, host and broadcast routes. -ENOSPC: nothing changed. */
int fib_address_added(struct model *model, const struct address_object *address);
/* It is out of the lists, but not freed yet. */
void fib_address_removed(struct model *model, const struct address_object *address);
/* Some route that uses this nexthop: "route 10.0.0.0/8". False: none. */
bool route_user(const struct model *model, uint32_t nexthop, char *text, size_t size);
/* Resolve recursive routes again, since networks or routes have changed. */
void route_refresh(struct model *model);
/* What did not fit before. */
void route_refresh_dirty(struct model *model);
/* Settle: the tables that were built aside answer from now on. */
void route_settle(struct model *model);
/* Visit every static route's add command. */
int route_configuration(const struct model *model, struct arguments *arguments,
			int (*visit)(void *context, const struct arguments *arguments),
			void *context);
/* For the views, as struct model_private says. */
void route_rows(const struct model *model, const struct route_range *range,
		int (*visit)(void *context, const struct route_row *row), void *context);
json_t *route_asked(const struct model *model, uint32_t leaf);
void route_counts(const struct model *model, uint64_t count[ROUTE_FAMILIES]);
void route_close(struct model *model);

/* ---- filter.c, filter_bind.c ---- */

extern const struct handler filter_add_handler, filter_set_handler, filter_del_handler;
extern const struct handler filter_rule_add_handler, filter_rule_replace_handler,
	filter_rule_del_handler;
extern const struct handler filter_list_add_handler, filter_list_del_handler;
extern const struct handler filter_bind_handler, filter_unbind_handler;
int filter_open(struct model *model);
/* Before the interfaces: what they are bound to is there first. */
void filter_settle(struct model *model);
void filter_close(struct model *model);
void filter_poll(struct model *model);
/* Visit the add commands of lists, filters, rules and bindings. */
int filter_configuration(const struct model *model, struct arguments *arguments,
			 int (*visit)(void *context, const struct arguments *arguments),
			 void *context);
/* Which filters an interface's row names, and its features. */
void filter_publish_interface(struct model *model, const struct interface_object *interface);
/* The name of a filter by number. */
const char *filter_name(const struct model *model, uint32_t number);

/* ---- counters.c ---- */

extern const struct handler counters_clear_handler;
extern const struct handler runtime_clear_handler;
int label_clear(struct model *model, unsigned int space, uint32_t label);

/* ---- drop_rate.c ---- */

/* Look at the counters of some interfaces, if it is time. */
void drop_rate_poll(struct model *model);
double drop_rate_private(const struct model *model, uint32_t interface, unsigned int reason);
void drop_rate_close(struct model *model);

#endif
