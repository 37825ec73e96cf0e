/* SPDX-License-Identifier: BSD-3-Clause
 *
 * steer-address.c: which addresses are the kernel's, and which of them are shunt's too.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include "dataplane/log.h"
#include "dataplane/shm/lpm.h"
#include "dataplane/xdp/steer.h"

/* "eth1" and its VLAN devices "eth1.100", whose frames come by it tagged. */
static bool is_of_device(const char *name, const char *device)
{
	size_t length = strlen(device);

	return strncmp(name, device, length) == 0 && (name[length] == '\0' || name[length] == '.');
}

/* Link-local addresses are made of the MAC, which both have: shunt's neighbours know it by them. */
static bool address_read(const struct sockaddr *from, struct steer_address *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (from->sa_family == AF_INET) {
		memcpy(address->bytes, mapped, sizeof(mapped));
		memcpy(address->bytes + 12, &((const struct sockaddr_in *)from)->sin_addr, 4);
		return true;
	}
	if (from->sa_family != AF_INET6)
		return false;
	const struct in6_addr *in6 = &((const struct sockaddr_in6 *)from)->sin6_addr;
	memcpy(address->bytes, in6, sizeof(*in6));
	return !IN6_IS_ADDR_LINKLOCAL(in6);
}

/* Do the tables have it as an address of shunt's own, in the port's VRF? */
static uint32_t kind_of(const struct tables *tables, unsigned int row,
			const struct steer_address *address)
{
	if (tables == NULL)
		return STEER_ADDRESS_HOST;
	uint64_t flags = word_load(&tables->interface[row].flags);
	unsigned int vrf = (unsigned int)(flags >> INTERFACE_VRF_SHIFT) % VRF_MAX;
	bool ipv4 = memcmp(address->bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0;
	uint32_t leaf = lpm_lookup(tables, &tables->route_root[vrf][ipv4 ? ROUTE_IPV4 : ROUTE_IPV6],
				   address->bytes + (ipv4 ? 12 : 0));

	return route_kind(leaf) == ROUTE_LOCAL ? STEER_ADDRESS_SHARED : STEER_ADDRESS_HOST;
}

static void put(struct steer *next, const struct tables *tables, unsigned int row,
		const struct steer_address *address)
{
	if (next->address_count == STEER_ADDRESSES)
		return;
	next->address[next->address_count].address = *address;
	next->address[next->address_count++].kind = kind_of(tables, row, address);
}

static const uint32_t *find(const struct steer *steer, const struct steer_address *address)
{
	for (unsigned int i = 0; i < steer->address_count; i++)
		if (memcmp(&steer->address[i].address, address, sizeof(*address)) == 0)
			return &steer->address[i].kind;
	return NULL;
}

/* First what is new or different, then what is gone: an address that stays is never missing. */
static void change(struct steer *steer, const struct steer *next)
{
	for (unsigned int i = 0; i < next->address_count; i++) {
		const struct steer_address *address = &next->address[i].address;
		const uint32_t *before = find(steer, address);
		if ((before == NULL || *before != next->address[i].kind) &&
		    bpf_map_update_elem(steer->host_addresses, address, &next->address[i].kind,
					BPF_ANY) != 0)
			log_warning("XDP: address of the kernel: no room for more than %u",
				    STEER_ADDRESSES);
	}
	for (unsigned int i = 0; i < steer->address_count; i++)
		if (find(next, &steer->address[i].address) == NULL)
			bpf_map_delete_elem(steer->host_addresses, &steer->address[i].address);
	memcpy(steer->address, next->address, sizeof(steer->address));
	steer->address_count = next->address_count;
}

static void refresh_addresses(struct steer *steer, const struct tables *tables, unsigned int row,
			      const char *host_device)
{
	static struct steer next;
	struct ifaddrs *list;

	if (getifaddrs(&list) != 0)
		return;
	next.address_count = 0;
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		struct steer_address address;
		if (i->ifa_addr != NULL && is_of_device(i->ifa_name, host_device) &&
		    address_read(i->ifa_addr, &address))
			put(&next, tables, row, &address);
	}
	freeifaddrs(list);
	change(steer, &next);
}

void steer_refresh(struct steer *steer, const struct tables *tables, unsigned int row,
		   const char *host_device, bool mirrored)
{
	uint32_t which = STEER_FLAGS;
	uint64_t flags = mirrored ? STEER_MIRROR : 0;

	if (!steer->attached)
		return;
	if (tables != NULL && (word_load(&tables->interface[row].features) & INTERFACE_BRIDGED))
		flags |= STEER_EVERYTHING;
	if (flags != steer->flags &&
	    bpf_map_update_elem(steer->settings, &which, &flags, BPF_ANY) == 0)
		steer->flags = flags;
	refresh_addresses(steer, tables, row, host_device);
}
