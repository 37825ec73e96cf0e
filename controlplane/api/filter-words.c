/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/filter-words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "controlplane/api/filter-values.h"

enum { ARP = 0x0806, PACKET_BURST_MIN = 1, BYTE_BURST_MIN = 10000 };

/* ---------------------------------------------------------------- canonical */

struct canonical {
	int protocol; /* of the rule, for the names of its ports */
	char text[FILTER_TEXT_MAX];
	char expected[EXPECTED_MAX];
};

static int make_ports(struct canonical *canonical, const char *text)
{
	struct filter_range ranges[FILTER_RANGES_MAX];
	int count = filter_ports_read(text, canonical->protocol, ranges, canonical->expected);

	if (count < 0)
		return count;
	filter_ports_write(ranges, (unsigned int)count, canonical->text);
	return 0;
}

static int make_protocol(struct canonical *canonical, const char *text)
{
	int number = filter_protocol_number(text);

	snprintf(canonical->expected, EXPECTED_MAX, "a protocol's name (tcp) or number, 0 to 255");
	if (number >= 0)
		filter_protocol_format(number, canonical->text);
	return number < 0 ? number : 0;
}

static int make_ethertype(struct canonical *canonical, const char *text)
{
	int number = filter_ethertype_number(text);

	snprintf(canonical->expected, EXPECTED_MAX,
		 strcmp(text, "arp") == 0 || number == ARP
			 ? "another one: ARP passes every filter"
			 : "a name (ipv6, mpls, lldp) or number from 0x0600 to 0xffff");
	if (number < 0 || number == ARP)
		return -EINVAL;
	filter_ethertype_format((unsigned int)number, canonical->text);
	return 0;
}

static int make_party(struct canonical *canonical, const char *text)
{
	struct filter_party party;
	int result = filter_party_read(text, &party, canonical->expected);

	if (result == 0)
		filter_party_write(&party, canonical->text);
	return result;
}

static int make_icmp(struct canonical *canonical, const char *text)
{
	int type, code;

	snprintf(canonical->expected, EXPECTED_MAX, "TYPE or TYPE/CODE, each 0 to 255");
	if (filter_icmp_read(text, &type, &code) != 0)
		return -EINVAL;
	snprintf(canonical->text, sizeof(canonical->text), code < 0 ? "%d" : "%d/%d", type, code);
	return 0;
}

static int make_dscp(struct canonical *canonical, const char *text)
{
	int number = filter_dscp_number(text);

	snprintf(canonical->expected, EXPECTED_MAX, "0 to 63, or ef, cs0 to cs7, af11 to af43");
	snprintf(canonical->text, sizeof(canonical->text), "%d", number);
	return number < 0 ? number : 0;
}

static int make_rate(struct canonical *canonical, const char *text)
{
	uint64_t rate;
	bool packets;

	snprintf(canonical->expected, EXPECTED_MAX,
		 "N[k|m|g]bps (8bps to 4000gbps) or N[k|m|g]pps");
	if (filter_rate_read(text, &rate, &packets) != 0)
		return -EINVAL;
	filter_rate_write(rate, packets, canonical->text);
	return 0;
}

static int make_size(struct canonical *canonical, const char *text)
{
	uint64_t size;

	snprintf(canonical->expected, EXPECTED_MAX, "N[k|m|g], bytes or packets as the rate is");
	if (filter_size_read(text, &size) != 0)
		return -EINVAL;
	snprintf(canonical->text, sizeof(canonical->text), "%llu", (unsigned long long)size);
	return 0;
}

static int make_exceed(struct canonical *canonical, const char *text)
{
	int exceed = filter_exceed_read(text);

	snprintf(canonical->expected, EXPECTED_MAX,
		 "permit, deny, or the DSCP to mark with: 0 to 63, ef, cs0 to cs7, af11 to af43");
	if (exceed >= FILTER_EXCEED_PERMIT)
		snprintf(canonical->text, sizeof(canonical->text), "%s", text);
	else
		snprintf(canonical->text, sizeof(canonical->text), "%d", exceed);
	return exceed < 0 ? exceed : 0;
}

/* In place of what was said. */
static int keep(struct arguments *arguments, unsigned int parameter, const char *text,
		struct error *error)
{
	size_t size = strlen(text) + 1;
	char *old = arguments->value[parameter].string;

	if (strcmp(old, text) == 0)
		return 0;
	arguments->spelled_out = false;
	if (size > strlen(old) + 1) {
		if (size > sizeof(arguments->text) - arguments->text_used)
			return error_set(error, ERROR_USAGE, -EINVAL, "the rule is too long");
		old = arguments->text + arguments->text_used;
		arguments->text_used += (unsigned int)size;
	}
	memcpy(old, text, size);
	arguments->value[parameter].string = old;
	return 0;
}

static int wrong(struct error *error, const struct arguments *arguments, unsigned int parameter,
		 const char *expected)
{
	error_set(error, ERROR_USAGE, -EINVAL, "%s %.64s: expected %s",
		  arguments->command->parameters[parameter].name,
		  arguments->value[parameter].string, expected);
	snprintf(error->expected, sizeof(error->expected), "%s", expected);
	return -EINVAL;
}

/* ---------------------------------------------------------------- rules between the words */

static int clash(struct error *error, const char *text)
{
	error_set(error, ERROR_USAGE, -EINVAL, "%s", text);
	error->expected[0] = 0;
	return -EINVAL;
}

/* About frames that are not IP: no other match, and nothing to mark. */
static int check_ethertype(const struct arguments *arguments, const struct filter_words *words,
			   struct error *error, int *parameter)
{
	const uint64_t others = parameter_bit(RULE_FILTER) | parameter_bit(RULE_SEQUENCE) | parameter_bit(RULE_ACTION) |
				parameter_bit(RULE_POLICE) | parameter_bit(RULE_BURST) | parameter_bit(RULE_EXCESS_BURST) |
				parameter_bit(RULE_PEAK) | parameter_bit(RULE_PEAK_BURST) |
				parameter_bit(RULE_EXCEED) | parameter_bit(RULE_ETHERTYPE) |
				parameter_bit(RULE_LOG);

	if (words->ethertype == 0 || words->ethertype == 0x0800 || words->ethertype == 0x86dd)
		return 0;
	*parameter = RULE_ETHERTYPE;
	if (arguments->present & ~others)
		return clash(error, "a rule about frames that are not IP has no other match");
	*parameter = RULE_EXCEED;
	if (words->exceed < FILTER_EXCEED_PERMIT)
		return clash(error, "frames that are not IP have no DSCP: expected exceed permit or "
				    "deny");
	return 0;
}

/* Which words a meter takes: of one rate (RFC 2697) or of two (RFC 2698). */
static int check_meter(const struct arguments *arguments, struct error *error, int *parameter)
{
	bool peak = argument_present(arguments, RULE_PEAK);

	*parameter = RULE_EXCESS_BURST;
	if (peak && argument_present(arguments, RULE_EXCESS_BURST))
		return clash(error, "excess-burst is of one rate (RFC 2697), peak of two (RFC 2698): "
				    "expected one of them");
	*parameter = RULE_PEAK_BURST;
	if (!peak && argument_present(arguments, RULE_PEAK_BURST))
		return clash(error, "peak-burst goes with peak");
	*parameter = RULE_EXCEED;
	if (!peak && !argument_present(arguments, RULE_EXCESS_BURST) &&
	    argument_present(arguments, RULE_EXCEED))
		return clash(error, "exceed is about what is above the rate and within excess-burst or "
				    "peak: expected one of them");
	return 0;
}

static int check_police(const struct arguments *arguments, const struct filter_words *words,
			struct error *error, int *parameter)
{
	uint64_t peak;
	bool packets;

	for (int i = RULE_BURST; i <= RULE_EXCEED; i++) {
		if (!argument_present(arguments, (unsigned int)i) ||
		    argument_present(arguments, RULE_POLICE))
			continue;
		*parameter = i;
		error_set(error, ERROR_USAGE, -EINVAL, "%s goes with police",
			  arguments->command->parameters[i].name);
		error->expected[0] = 0;
		return -EINVAL;
	}
	if (check_meter(arguments, error, parameter) != 0)
		return -EINVAL;
	if (!argument_present(arguments, RULE_PEAK))
		return 0;
	filter_rate_read(arguments->value[RULE_PEAK].string, &peak, &packets);
	if (packets == words->packets && peak >= words->rate)
		return 0;
	*parameter = RULE_PEAK;
	error_set(error, ERROR_USAGE, -EINVAL, "peak %.64s: expected at least police %.64s, in the same unit",
		  arguments->value[RULE_PEAK].string, arguments->value[RULE_POLICE].string);
	snprintf(error->expected, sizeof(error->expected), "at least %.64s, in the same unit",
		 arguments->value[RULE_POLICE].string);
	return -EINVAL;
}

/* What names a family names the same one: else there is no such packet. */
static int check_family(const struct arguments *arguments, const struct filter_words *words,
			struct error *error, int *parameter)
{
	const struct parameter *parameters = arguments->command->parameters;
	const struct {
		int parameter, family; /* FILTER_ANY */
	} said[] = {
		{ RULE_ETHERTYPE, words->ethertype == 0x0800   ? ROUTE_IPV4
				  : words->ethertype == 0x86dd ? ROUTE_IPV6
							       : FILTER_ANY },
		{ RULE_ICMP, words->icmp_type < 0               ? FILTER_ANY
			     : words->protocol == PROTOCOL_ICMP ? ROUTE_IPV4
								: ROUTE_IPV6 },
		{ RULE_FROM, words->from.given && words->from.list[0] == 0 ? words->from.prefix.family
									   : FILTER_ANY },
		{ RULE_TO, words->to.given && words->to.list[0] == 0 ? words->to.prefix.family
								     : FILTER_ANY },
	};
	int first = -1;

	for (int i = 0; i < (int)(sizeof(said) / sizeof(said[0])); i++) {
		if (said[i].family == FILTER_ANY)
			continue;
		if (first < 0)
			first = i;
		if (said[i].family == said[first].family)
			continue;
		int one = said[first].parameter, other = said[i].parameter;
		*parameter = other;
		error_set(error, ERROR_USAGE, -EINVAL, "%s %.64s: expected %s, as %s %.64s is",
			  parameters[other].name, arguments->value[other].string,
			  said[first].family == ROUTE_IPV4 ? "IPv4" : "IPv6", parameters[one].name,
			  arguments->value[one].string);
		error->expected[0] = 0;
		return -EINVAL;
	}
	return 0;
}

/* What no packet can be, of rules and of questions. */
static int check_matches(const struct arguments *arguments, const struct filter_words *words,
			 struct error *error, int *parameter)
{
	bool ports = words->sport_count != 0 || words->dport_count != 0;

	*parameter = RULE_PROTOCOL;
	if (ports && words->protocol != FILTER_ANY &&
	    !packet_protocol_has_ports((unsigned int)words->protocol))
		return clash(error, "this protocol has no ports: expected tcp, udp, sctp, dccp or "
				    "udplite beside sport and dport");
	if ((words->syn || words->established) && words->protocol != PROTOCOL_TCP)
		return clash(error, "syn and established are about tcp");
	if (words->icmp_type >= 0 && words->protocol != PROTOCOL_ICMP &&
	    words->protocol != PROTOCOL_ICMPV6)
		return clash(error, "icmp goes with proto icmp or icmpv6");
	*parameter = RULE_FRAGMENTS;
	if (words->fragments && (ports || words->syn || words->established || words->icmp_type >= 0))
		return clash(error, "later fragments have no ports, types nor flags");
	return check_family(arguments, words, error, parameter) != 0
		       ? -EINVAL
		       : check_ethertype(arguments, words, error, parameter);
}

static int check_rule(const struct arguments *arguments, struct error *error, int *parameter)
{
	static struct filter_words words; /* large; one thread */

	filter_words_read(arguments, &words);
	if (arguments->command->id == COMMAND_FILTER_TEST)
		return check_matches(arguments, &words, error, parameter);
	*parameter = RULE_ACTION;
	if (argument_present(arguments, RULE_ACTION) == argument_present(arguments, RULE_POLICE)) {
		*parameter = argument_present(arguments, RULE_ACTION) ? RULE_POLICE : -1;
		clash(error, *parameter < 0 ? "what to do with the packets is missing"
					    : "permit, deny and police exclude each other");
		snprintf(error->expected, sizeof(error->expected), "permit, deny or police RATE");
		return -EINVAL;
	}
	if (check_police(arguments, &words, error, parameter) != 0)
		return -EINVAL;
	return check_matches(arguments, &words, error, parameter);
}

int filter_words_check(struct arguments *arguments, struct error *error, int *parameter)
{
	static const struct {
		unsigned int parameter;
		int (*make)(struct canonical *canonical, const char *text);
	} makers[] = {
		{ RULE_PROTOCOL, make_protocol }, { RULE_ETHERTYPE, make_ethertype },
		{ RULE_FROM, make_party },	{ RULE_TO, make_party },
		{ RULE_SPORT, make_ports },       { RULE_DPORT, make_ports },
		{ RULE_ICMP, make_icmp },         { RULE_DSCP, make_dscp },
		{ RULE_POLICE, make_rate },       { RULE_BURST, make_size },
		{ RULE_EXCESS_BURST, make_size }, { RULE_PEAK, make_rate },
		{ RULE_PEAK_BURST, make_size },   { RULE_EXCEED, make_exceed },
	};
	static struct canonical canonical; /* large; one thread */

	canonical.protocol = FILTER_ANY;
	for (unsigned int i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		unsigned int p = makers[i].parameter;
		if (!argument_present(arguments, p))
			continue;
		*parameter = (int)p;
		if (makers[i].make(&canonical, arguments->value[p].string) != 0)
			return wrong(error, arguments, p, canonical.expected);
		if (keep(arguments, p, canonical.text, error) != 0)
			return -EINVAL;
		if (p == RULE_PROTOCOL)
			canonical.protocol = filter_protocol_number(canonical.text);
	}
	int result = check_rule(arguments, error, parameter);
	if (result == 0)
		*parameter = -1;
	return result;
}

/* ---------------------------------------------------------------- read */

static const char *string_of(const struct arguments *arguments, unsigned int parameter)
{
	return argument_present(arguments, parameter) ? arguments->value[parameter].string : NULL;
}

static bool flag_of(const struct arguments *arguments, unsigned int parameter)
{
	return argument_present(arguments, parameter) && arguments->value[parameter].number != 0;
}

/* What is said, or a tenth of a second's worth. */
static uint64_t burst_of(const struct arguments *arguments, unsigned int parameter, uint64_t rate,
			 bool packets)
{
	const char *text = string_of(arguments, parameter);
	uint64_t burst = rate / 10, least = packets ? PACKET_BURST_MIN : BYTE_BURST_MIN;

	if (text != NULL)
		filter_size_read(text, &burst);
	else if (burst < least)
		burst = least;
	return burst;
}

static void read_police(const struct arguments *arguments, struct filter_words *words)
{
	const char *excess = string_of(arguments, RULE_EXCESS_BURST);
	const char *peak = string_of(arguments, RULE_PEAK);
	const char *exceed = string_of(arguments, RULE_EXCEED);

	words->action = FILTER_POLICE;
	filter_rate_read(arguments->value[RULE_POLICE].string, &words->rate, &words->packets);
	words->burst = burst_of(arguments, RULE_BURST, words->rate, words->packets);
	if (excess != NULL)
		filter_size_read(excess, &words->excess);
	if (peak != NULL) {
		filter_rate_read(peak, &words->peak, &words->packets);
		words->excess = burst_of(arguments, RULE_PEAK_BURST, words->peak, words->packets);
	}
	if (exceed != NULL)
		words->exceed = (uint16_t)filter_exceed_read(exceed);
}

static unsigned int read_ports(const char *text, int protocol, struct filter_range *ranges)
{
	char expected[EXPECTED_MAX];
	int count = text == NULL ? 0 : filter_ports_read(text, protocol, ranges, expected);

	return count < 0 ? 0 : (unsigned int)count;
}

void filter_words_read(const struct arguments *arguments, struct filter_words *words)
{
	const char *text;
	char expected[EXPECTED_MAX];

	words->action = flag_of(arguments, RULE_ACTION) ? FILTER_DENY : FILTER_PERMIT;
	words->packets = false;
	words->rate = words->burst = words->peak = words->excess = 0;
	words->exceed = FILTER_EXCEED_PERMIT;
	if (argument_present(arguments, RULE_POLICE))
		read_police(arguments, words);
	words->log = flag_of(arguments, RULE_LOG);
	words->syn = flag_of(arguments, RULE_SYN);
	words->established = flag_of(arguments, RULE_ESTABLISHED);
	words->fragments = flag_of(arguments, RULE_FRAGMENTS);
	words->icmp_type = words->icmp_code = FILTER_ANY;
	if ((text = string_of(arguments, RULE_ICMP)) != NULL)
		filter_icmp_read(text, &words->icmp_type, &words->icmp_code);
	text = string_of(arguments, RULE_PROTOCOL);
	words->protocol = text != NULL                         ? filter_protocol_number(text)
			  : words->icmp_type >= 0              ? PROTOCOL_ICMP
			  : words->syn || words->established ? PROTOCOL_TCP
							       : FILTER_ANY;
	text = string_of(arguments, RULE_ETHERTYPE);
	words->ethertype = text != NULL ? (uint16_t)filter_ethertype_number(text) : 0;
	text = string_of(arguments, RULE_DSCP);
	words->dscp = text != NULL ? filter_dscp_number(text) : FILTER_ANY;
	words->from.given = words->to.given = false;
	if ((text = string_of(arguments, RULE_FROM)) != NULL)
		filter_party_read(text, &words->from, expected);
	if ((text = string_of(arguments, RULE_TO)) != NULL)
		filter_party_read(text, &words->to, expected);
	words->sport_count =
		read_ports(string_of(arguments, RULE_SPORT), words->protocol, words->sport);
	words->dport_count =
		read_ports(string_of(arguments, RULE_DPORT), words->protocol, words->dport);
}

struct filter_rule_spec filter_words_spec(struct filter_words *words)
{
	return (struct filter_rule_spec){
		.action = words->action,
		.protocol = words->protocol,
		.dscp = words->dscp,
		.icmp_type = words->icmp_type,
		.icmp_code = words->icmp_code,
		.ethertype = words->ethertype,
		.log = words->log,
		.syn = words->syn,
		.established = words->established,
		.fragments = words->fragments,
		.sport_count = words->sport_count,
		.dport_count = words->dport_count,
		.sport = words->sport,
		.dport = words->dport,
		.packets = words->packets,
		.exceed = words->exceed,
		.rate = words->rate,
		.burst = words->burst,
		.peak = words->peak,
		.excess = words->excess,
	};
}
