/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_interface.c: ports, VLAN subinterfaces, loopbacks.
 */
#include "dataplane/shm/filter.h"
#include "view.h"

static void put_mac(const struct view *view, uint32_t index, json_t *object)
{
	uint64_t word = word_load(&view->tables->interface[index].mac);
	char text[18];

	if (word == 0)
		return;
	mac_format((const uint8_t *)&word, text);
	view_string(object, "mac", text);
}

void view_rpf(const struct view *view, uint32_t index, json_t *object)
{
	uint64_t features = word_load(&view->tables->interface[index].features);

	view_string(object, "rpf",
		    features & INTERFACE_RPF_STRICT  ? "strict"
		    : features & INTERFACE_RPF_LOOSE ? "loose"
						     : "off");
}

/* What the row of any interface that carries packets says. */
void view_settings(const struct view *view, uint32_t index, uint64_t flags, json_t *object)
{
	put_mac(view, index, object);
	view_number(object, "mtu", flags >> INTERFACE_MTU_SHIFT & 0xffff);
	json_object_set_new(object, "mpls", json_boolean((flags & INTERFACE_MPLS) != 0));
	view_number(object, "space", flags >> INTERFACE_SPACE_SHIFT & 0xff);
	view_number(object, "upstream_space", flags >> INTERFACE_UPSTREAM_SHIFT & 0xff);
	view_number(object, "vrf", flags >> INTERFACE_VRF_SHIFT & 0xffff);
	view_rpf(view, index, object);
}

static void put_totals(const struct interface_totals *totals, json_t *object)
{
	view_number(object, "rx_packets", TOTAL(totals, rx_packets));
	view_number(object, "rx_bytes", TOTAL(totals, rx_bytes));
	view_number(object, "tx_packets", TOTAL(totals, tx_packets));
	view_number(object, "tx_bytes", TOTAL(totals, tx_bytes));
	json_object_set_new(object, "drops", view_drops(totals));
}

/* A port's counts include those of its subinterfaces: it is the device that packets came by. */
static void port_totals(const struct view *view, uint32_t port, struct interface_totals *totals)
{
	struct interface_totals part;
	char name[NAME_SIZE];

	interface_totals(view->tables, view->state, port, totals);
	for (uint32_t i = PORT_MAX; i < INTERFACE_FIRST_TUNNEL; i++) {
		uint64_t flags = view_interface(view, i, name);
		if (view_kind(flags) != INTERFACE_VLAN ||
		    (flags >> INTERFACE_PORT_SHIFT & 0xff) != port)
			continue;
		interface_totals(view->tables, view->state, i, &part);
		for (size_t j = 0; j < sizeof(part.value) / sizeof(part.value[0]); j++)
			totals->value[j] += part.value[j];
	}
}

/* What became of the port. The row may still have the answer to another device's wish, which stood there
 * before. */
static const char *const xdp_modes[] = { "none", "native", "generic" };

static const char *const xdp_filters[] = {
	[XDP_FILTER_NONE] = "none",
	[XDP_FILTER_PUSHED] = "pushed",
	[XDP_FILTER_CALM] = "not pushed: it denies fewer than 2000 packets a second",
	[XDP_FILTER_BRIDGED] = "not pushed: the port is in a bridge",
	[XDP_FILTER_DOWN] = "not pushed: the port is down",
	[XDP_FILTER_PERMITS] = "not pushed: it denies nothing but what it logs or polices",
	[XDP_FILTER_RULES] = "not pushed: more than 1024 rules, which look at more than "
			     "destination ports",
	[XDP_FILTER_CLASSES] = "not pushed: too many classes of packets",
	[XDP_FILTER_PREFIXES] = "not pushed: more than 8192 ranges of addresses, or lists that are "
				"too long to be looked through",
	[XDP_FILTER_KERNEL] = "not pushed: the kernel did not take it",
};

/* Is the filter that was pushed the one that is published? */
static bool is_current(const struct view *view, const struct port_status *status)
{
	uint64_t word = word_load(&view->tables->filter[status->xdp_filter_number % FILTER_MAX]);
	const struct filter *filter = tables_object_checked(
		view->tables, word & FILTER_OFFSET_MASK, sizeof(*filter));

	if (filter == NULL || filter->version != status->xdp_filter_version)
		return false;
	if (!(filter->dimensions & (FILTER_SOURCE | FILTER_DESTINATION)))
		return true;
	const struct filter_roots *roots =
		tables_object_checked(view->tables, filter->roots, sizeof(*roots));
	return roots != NULL && word_load(&roots->changes) == status->xdp_filter_changes;
}

const char *view_xdp_filter(const struct view *view, const struct port_status *status)
{
	if (status->xdp_filter >= XDP_FILTER_COUNT)
		return "unknown";
	return status->xdp_filter != XDP_FILTER_PUSHED || is_current(view, status)
		       ? xdp_filters[status->xdp_filter]
		       : "pending";
}

static void put_status(const struct view *view, uint32_t port, uint32_t identity, json_t *object)
{
	struct port_status status = { .condition = PORT_ABSENT };

	if (view->state != NULL &&
	    (port_status_copy(view->state, port, &status) != 0 || status.identity != identity))
		status = (struct port_status){ .condition = PORT_ABSENT };
	status.driver[sizeof(status.driver) - 1] = 0;
	status.error[sizeof(status.error) - 1] = 0;
	view_string(object, "link", status.link_up ? "up" : "down");
	view_number(object, "speed", status.speed_mbps);
	view_number(object, "flaps", status.flaps);
	view_string(object, "driver", status.driver);
	view_string(object, "condition", port_condition_name(status.condition));
	view_string(object, "error", status.error);
	view_number(object, "rx_queues", status.rx_queues);
	view_number(object, "tx_queues", status.tx_queues);
	view_number(object, "rx_missed", status.rx_missed);
	view_number(object, "rx_errors", status.rx_errors);
	view_number(object, "rx_no_buffer", status.rx_nombuf);
	view_number(object, "tx_errors", status.tx_errors);
	view_string(object, "xdp",
		    status.xdp_mode <= XDP_GENERIC ? xdp_modes[status.xdp_mode] : "unknown");
	view_number(object, "xdp_shunt", status.xdp_shunt);
	view_number(object, "xdp_kernel", status.xdp_kernel);
	view_string(object, "xdp_filter", view_xdp_filter(view, &status));
	view_number(object, "host_lost", status.host_lost);
}

static json_t *build_port(const struct view *view, const void *what)
{
	uint32_t index = *(const uint32_t *)what;
	struct interface_totals totals;
	char name[NAME_SIZE];
	uint64_t flags = view_interface(view, index, name);
	const struct port_wish *wish = tables_object_checked(
		view->tables, word_load(&view->tables->port[index].wish), sizeof(*wish));

	if (view_kind(flags) != INTERFACE_PORT)
		return NULL;
	json_t *object = json_object();
	uint32_t identity = 0;
	view_string(object, "name", name);
	if (wish != NULL) {
		struct port_wish copy = *wish;
		identity = copy.identity;
		copy.devargs[sizeof(copy.devargs) - 1] = 0;
		copy.host_device[sizeof(copy.host_device) - 1] = 0;
		view_string(object, "devargs", copy.devargs);
		view_string(object, "host_device", copy.host_device);
		copy.host_interface[sizeof(copy.host_interface) - 1] = 0;
		view_string(object, "host_interface", copy.host_interface);
	}
	view_settings(view, index, flags, object);
	view_string(object, "admin", flags & INTERFACE_UP ? "up" : "down");
	put_status(view, index, identity, object);
	port_totals(view, index, &totals);
	put_totals(&totals, object);
	view_number(object, "to_host", TOTAL(&totals, to_host));
	view_number(object, "from_host", TOTAL(&totals, from_host));
	view_number(object, "host_policed", (&TOTAL(&totals, drop))[DROP_host_policed]);
	return object;
}

static json_t *build_vlan(const struct view *view, const void *what)
{
	uint32_t index = *(const uint32_t *)what;
	const struct interface *row = &view->tables->interface[index];
	struct interface_totals totals;
	char name[NAME_SIZE], port[NAME_SIZE];
	uint64_t flags = view_interface(view, index, name);

	if (view_kind(flags) != INTERFACE_VLAN)
		return NULL;
	json_t *object = json_object();
	view_string(object, "name", name);
	view_interface(view, row->parent, port);
	view_string(object, "dev", port);
	view_number(object, "tag", row->outer_tag);
	if (row->inner_tag != 0)
		view_number(object, "inner", row->inner_tag);
	view_settings(view, index, flags, object);
	view_string(object, "admin", flags & INTERFACE_UP ? "up" : "down");
	interface_totals(view->tables, view->state, index, &totals);
	put_totals(&totals, object);
	return object;
}

static json_t *build_loopback(const struct view *view, const void *what)
{
	char name[NAME_SIZE];
	uint64_t flags = view_interface(view, *(const uint32_t *)what, name);

	if (view_kind(flags) != INTERFACE_LOOPBACK)
		return NULL;
	json_t *object = json_object();
	view_string(object, "name", name);
	view_number(object, "vrf", flags >> INTERFACE_VRF_SHIFT & 0xffff);
	view_string(object, "admin", flags & INTERFACE_UP ? "up" : "down");
	return object;
}

json_t *view_interface_list(const struct view *view, const struct arguments *arguments,
			    enum interface_kind kind, const char *kind_name,
			    json_t *(*build)(const struct view *view, const void *what),
			    struct error *error)
{
	const char *only = view_name_argument(arguments, SHOW_NAME);
	json_t *array = json_array();
	char name[NAME_SIZE];

	uint32_t end = tables_interface_end(view->tables);

	for (uint32_t i = 0; i < end; i++) {
		if (view_kind(view_interface(view, i, name)) != kind ||
		    (only != NULL && strcmp(only, name) != 0))
			continue;
		json_t *row = view_row(view, build, &i);
		if (row != NULL)
			json_array_append_new(array, row);
	}
	if (only == NULL || json_array_size(array) > 0)
		return array;
	json_decref(array);
	error_set(error, ERROR_REFUSED, -ENOENT, "%s %s does not exist", kind_name, only);
	return NULL;
}

json_t *view_ports(const struct view *view, const struct arguments *arguments, struct error *error)
{
	return view_interface_list(view, arguments, INTERFACE_PORT, "port", build_port, error);
}

json_t *view_vlans(const struct view *view, const struct arguments *arguments, struct error *error)
{
	return view_interface_list(view, arguments, INTERFACE_VLAN, "vlan", build_vlan, error);
}

json_t *view_loopbacks(const struct view *view, const struct arguments *arguments,
		       struct error *error)
{
	return view_interface_list(view, arguments, INTERFACE_LOOPBACK, "loopback", build_loopback,
				   error);
}
