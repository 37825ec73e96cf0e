/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port/host.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	FRAME_SIZE_DEFAULT = 2048, /* net_af_packet's framesz= */
	FRAME_OFFSET = 66,         /* where the kernel puts a frame's first byte in its ring slot */
	OVERHEAD = 14 + 2 * 4,     /* Ethernet header and two tags */
};

static void set_name(struct ifreq *request, const char *name)
{
	memset(request, 0, sizeof(*request));
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", name);
}

static unsigned long frame_size(const char *devargs)
{
	const char *at = strstr(devargs, ",framesz=");

	return at != NULL ? strtoul(at + strlen(",framesz="), NULL, 0) : FRAME_SIZE_DEFAULT;
}

int host_set_mtu(const char *name, const char *devargs, uint16_t mtu)
{
	struct ifreq request;
	int result = 0;

	if (mtu + 0ul + OVERHEAD + FRAME_OFFSET > frame_size(devargs))
		return -EINVAL;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	set_name(&request, name);
	if (ioctl(fd, SIOCGIFMTU, &request) != 0)
		result = -errno;
	if (result == 0 && request.ifr_mtu != mtu) {
		request.ifr_mtu = mtu;
		if (ioctl(fd, SIOCSIFMTU, &request) != 0)
			result = -errno;
	}
	close(fd);
	return result;
}

bool host_is(int socket, const char *name, unsigned int index)
{
	struct ifreq request;

	set_name(&request, name);
	return ioctl(socket, SIOCGIFINDEX, &request) == 0 &&
	       (unsigned int)request.ifr_ifindex == index;
}

/* Asked without the kernel's lock on its interfaces, which others may hold for long. */
static bool flags_say_up(int socket, struct ifreq *request)
{
	return ioctl(socket, SIOCGIFFLAGS, request) == 0 &&
	       (request->ifr_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
}

bool host_carrier(int socket, const char *name)
{
	struct ethtool_value link = { .cmd = ETHTOOL_GLINK };
	struct ifreq request;

	set_name(&request, name);
	if (!flags_say_up(socket, &request))
		return false;
	/* flags may be up to a second behind */
	set_name(&request, name);
	request.ifr_data = (void *)&link;
	if (ioctl(socket, SIOCETHTOOL, &request) == 0)
		return link.data != 0;
	return errno == EOPNOTSUPP; /* then the flags are all there is */
}
