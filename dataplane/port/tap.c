/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* of <net/if.h>, which does not go together with <linux/if.h> */
unsigned int if_nametoindex(const char *name);

/* ---------------------------------------------------------------- the alias */

struct link_request {
	struct nlmsghdr header;
	struct ifinfomsg link;
	uint8_t attributes[IFALIASZ + RTA_SPACE(0)];
};

/* Ask the kernel about a link; its answer is put into `answer`. Returns its length or a negative errno. */
static ssize_t ask(struct link_request *request, void *answer, size_t room)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t length = -1;

	if (fd < 0)
		return -errno;
	if (send(fd, request, request->header.nlmsg_len, 0) >= 0)
		length = recv(fd, answer, room, 0);
	int result = length < 0 ? -errno : 0;
	close(fd);
	if (result != 0)
		return result;
	const struct nlmsghdr *header = answer;
	if (!NLMSG_OK(header, (size_t)length))
		return -EBADMSG;
	if (header->nlmsg_type != NLMSG_ERROR)
		return length;
	const struct nlmsgerr *error = NLMSG_DATA(header);
	return error->error;
}

static void begin(struct link_request *request, uint16_t type, unsigned int index)
{
	memset(request, 0, sizeof(*request));
	request->header.nlmsg_len = NLMSG_LENGTH(sizeof(request->link));
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = NLM_F_REQUEST;
	request->link.ifi_family = AF_UNSPEC;
	request->link.ifi_index = (int)index;
}

static int set_alias(unsigned int index, const char *alias)
{
	struct link_request request;
	uint8_t answer[1024];
	size_t length = strlen(alias);

	if (length >= IFALIASZ)
		return -ENAMETOOLONG;
	begin(&request, RTM_SETLINK, index);
	request.header.nlmsg_flags |= NLM_F_ACK;
	struct rtattr *attribute = (struct rtattr *)request.attributes;
	attribute->rta_type = IFLA_IFALIAS;
	attribute->rta_len = (unsigned short)RTA_LENGTH(length);
	memcpy(RTA_DATA(attribute), alias, length);
	request.header.nlmsg_len += (unsigned int)RTA_SPACE(length);
	return (int)ask(&request, answer, sizeof(answer));
}

static bool has_alias(unsigned int index, const char *alias)
{
	static uint8_t answer[32768];
	struct link_request request;

	begin(&request, RTM_GETLINK, index);
	ssize_t length = ask(&request, answer, sizeof(answer));
	if (length <= 0)
		return false;
	const struct nlmsghdr *header = (const struct nlmsghdr *)answer;
	const struct rtattr *attribute = IFLA_RTA(NLMSG_DATA(header));
	size_t left = IFLA_PAYLOAD(header);
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
		if (attribute->rta_type == IFLA_IFALIAS)
			return RTA_PAYLOAD(attribute) == strlen(alias) + 1 &&
			       memcmp(RTA_DATA(attribute), alias, strlen(alias)) == 0;
	return false;
}

/* ---------------------------------------------------------------- the device */

static int fail(char error[DEVICE_ERROR_SIZE], const char *name, const char *why, int result)
{
	snprintf(error, DEVICE_ERROR_SIZE, "host-interface %s: %.80s", name, why);
	return result;
}

/* Attach to the device, which is made if it is not there. */
static int attach(const char *name, char error[DEVICE_ERROR_SIZE])
{
	struct ifreq request;
	char text[DEVICE_ERROR_SIZE];
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		int result = -errno;
		snprintf(text, sizeof(text), "/dev/net/tun: %s", strerror(-result));
		return fail(error, name, text, result);
	}
	memset(&request, 0, sizeof(request));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	request.ifr_flags = IFF_TAP | IFF_NO_PI;
	if (ioctl(fd, TUNSETIFF, &request) == 0)
		return fd;
	int result = -errno;
	close(fd);
	if (result == -EBUSY)
		return fail(error, name, "another process has it open", result);
	snprintf(text, sizeof(text), "refused by the kernel: %s", strerror(-result));
	return fail(error, name, text, result);
}

int tap_open(const char *name, const char *mark, bool *made, char error[DEVICE_ERROR_SIZE])
{
	unsigned int index = if_nametoindex(name);
	char text[DEVICE_ERROR_SIZE];

	*made = index == 0;
	if (index != 0 && !has_alias(index, mark))
		return fail(error, name, "another device has this name", -EEXIST);
	int fd = attach(name, error);
	if (fd < 0)
		return fd;
	/* the alias first: what outlives us is known as ours */
	int result = *made ? set_alias(if_nametoindex(name), mark) : 0;
	if (result == 0 && ioctl(fd, TUNSETPERSIST, 1) != 0)
		result = -errno;
	if (result == 0)
		result = tap_set_carrier(fd, false);
	if (result == 0)
		return fd;
	if (*made)
		tap_remove(fd);
	else
		close(fd);
	snprintf(text, sizeof(text), "refused by the kernel: %s", strerror(-result));
	return fail(error, name, text, result);
}

void tap_remove(int fd)
{
	(void)ioctl(fd, TUNSETPERSIST, 0);
	close(fd);
}

int tap_remove_left(const char *name, const char *mark)
{
	char error[DEVICE_ERROR_SIZE];
	bool made;

	if (if_nametoindex(name) == 0)
		return 0;
	int fd = tap_open(name, mark, &made, error);
	if (fd < 0)
		return fd;
	tap_remove(fd);
	return 0;
}

/* Under the name that it has now. */
static int control(int fd, unsigned long command, struct ifreq *request)
{
	struct ifreq name;
	int result = 0;

	if (ioctl(fd, TUNGETIFF, &name) != 0)
		return -errno;
	memcpy(request->ifr_name, name.ifr_name, sizeof(request->ifr_name));
	int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (socket_fd < 0 || ioctl(socket_fd, command, request) != 0)
		result = -errno;
	if (socket_fd >= 0)
		close(socket_fd);
	return result;
}

int tap_set_mac(int fd, const uint8_t mac[6])
{
	struct ifreq request = { .ifr_hwaddr.sa_family = ARPHRD_ETHER };

	memcpy(request.ifr_hwaddr.sa_data, mac, 6);
	return control(fd, SIOCSIFHWADDR, &request);
}

int tap_set_mtu(int fd, uint16_t mtu)
{
	struct ifreq request = { .ifr_mtu = mtu };

	return control(fd, SIOCSIFMTU, &request);
}

int tap_set_carrier(int fd, bool carrier)
{
	int value = carrier;

	return ioctl(fd, TUNSETCARRIER, &value) == 0 ? 0 : -errno;
}

int tap_set_up(int fd)
{
	struct ifreq request = { .ifr_flags = 0 };
	int result = control(fd, SIOCGIFFLAGS, &request);

	request.ifr_flags |= IFF_UP;
	return result != 0 ? result : control(fd, SIOCSIFFLAGS, &request);
}
