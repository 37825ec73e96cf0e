/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/xdp/attached.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TRIES = 3 };

/* What IFLA_XDP holds: the id of the program in each of the hooks that have one. */
static void look_at_hooks(const struct rtattr *xdp, struct attached *attached,
			  attached_visit *visit)
{
	const struct rtattr *hook = RTA_DATA(xdp);
	size_t left = RTA_PAYLOAD(xdp);

	for (; RTA_OK(hook, left); hook = RTA_NEXT(hook, left)) {
		if (hook->rta_type == IFLA_XDP_DRV_PROG_ID)
			attached->mode = XDP_FLAGS_DRV_MODE;
		else if (hook->rta_type == IFLA_XDP_SKB_PROG_ID)
			attached->mode = XDP_FLAGS_SKB_MODE;
		else
			continue;
		attached->program = *(const uint32_t *)RTA_DATA(hook);
		visit(attached);
	}
}

static void look_at_link(const struct nlmsghdr *header, attached_visit *visit)
{
	const struct ifinfomsg *link = NLMSG_DATA(header);
	const struct rtattr *attribute = IFLA_RTA(link), *xdp = NULL;
	size_t left = IFLA_PAYLOAD(header);
	struct attached attached = { .host_index = (unsigned int)link->ifi_index, .name = "" };

	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		if (attribute->rta_type == IFLA_IFNAME)
			attached.name = RTA_DATA(attribute);
		else if ((attribute->rta_type & NLA_TYPE_MASK) == IFLA_XDP)
			xdp = attribute;
	}
	if (xdp != NULL)
		look_at_hooks(xdp, &attached, visit);
}

static int ask(int fd)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
	} request = { .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(request.link)),
				  .nlmsg_type = RTM_GETLINK,
				  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		      .link = { .ifi_family = AF_UNSPEC } };

	return send(fd, &request, sizeof(request), 0) < 0 ? -errno : 0;
}

/* To the end of the dump. -EAGAIN: the interfaces changed meanwhile. */
static int read_answers(int fd, attached_visit *visit)
{
	static _Alignas(struct nlmsghdr) uint8_t answer[32768];
	bool torn = false;

	for (;;) {
		ssize_t length = recv(fd, answer, sizeof(answer), 0);
		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			return length < 0 ? -errno : -EBADMSG;
		const struct nlmsghdr *header = (const struct nlmsghdr *)answer;
		size_t left = (size_t)length; /* the kernel pads all: never below 0 */
		for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
			if (header->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
			torn |= (header->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			if (header->nlmsg_type == NLMSG_DONE)
				return torn ? -EAGAIN : 0;
			if (header->nlmsg_type == RTM_NEWLINK)
				look_at_link(header, visit);
		}
	}
}

int attached_list(attached_visit *visit)
{
	int result = -EAGAIN, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	for (int i = 0; i < TRIES && result == -EAGAIN; i++) {
		result = ask(fd);
		if (result == 0)
			result = read_answers(fd, visit);
	}
	close(fd);
	return result;
}
