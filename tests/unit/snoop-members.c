/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Situations of members: who gets what after which frames, when it ends, who is asked, what is refused.
 * Unless said otherwise the membership interval is 260 s and the last member query time 2 s.
 */
#include "snoop-fixture.h"

static const struct snoop_row joins[] = {
	{ "a join reaches its port alone", "4541 2.1.2", BOTH, START_QUERIER,
	  "? G *; 2 join G; ? G 2; ? H *; to -; entries 1; events joined 1" },
	{ "two ports", "4541 2.1.2", BOTH, START_QUERIER,
	  "2 join G; 3 join G; ? G 2,3; entries 1" },
	{ "joining twice writes once", "4541 2.1.2", BOTH, START_QUERIER,
	  "2 join G; 2 join G; 2 join G; ? G 2; events joined 1; entries 1" },
	{ "IGMPv1 join", "2236 4", ONLY_IPV4, START_QUERIER, "2 join1 G; ? G 2; version 2 G 1" },
	{ "v3 join by TO_EX", "3376 6.4.2", BOTH, START_QUERIER, "2 rec to_ex G; ? G 2; sent -" },
	{ "v3 join by IS_EX", "3376 6.4.1", BOTH, START_QUERIER, "2 rec is_ex G; ? G 2" },
	{ "join of two groups in one report", "3376 4.2.3", BOTH, START_QUERIER,
	  "2 rec to_ex G & to_ex H; ? G 2; ? H 2; entries 2" },
	{ "source-specific join", "3376 6.3", BOTH, START_QUERIER,
	  "2 rec allow G a; ? a>G 2; ? b>G -; ? G -; entries 2" },
	{ "source-specific joins of two ports", "3376 6.3", BOTH, START_QUERIER,
	  "2 rec allow G a; 3 rec allow G b; ? a>G 2; ? b>G 3; ? c>G -; entries 3" },
	{ "any on one port, a source on another", "3376 6.3", BOTH, START_QUERIER,
	  "2 join G; 3 rec allow G a; ? a>G 2,3; ? b>G 2; ? G 2" },
	{ "an excluded source", "3376 6.3", BOTH, START_QUERIER,
	  "2 rec to_ex G a; ? a>G -; ? b>G 2; ? G 2" },
	{ "excluded here, included there", "3376 6.3", BOTH, START_QUERIER,
	  "2 rec to_ex G a,b; 3 rec allow G a; ? a>G 3; ? b>G -; ? c>G 2" },
	{ "excluded on one of two ports", "3376 6.3", BOTH, START_QUERIER,
	  "2 rec to_ex G a; 3 join G; ? a>G 3; ? b>G 2,3" },
	{ "sources that go where all go need no entry", "3376 6.3", BOTH, START_QUERIER,
	  "2 rec allow G a; entries 2; 2 rec to_ex G; entries 1; ? a>G 2" },
	{ "two hosts on a port exclude different sources: the union is wanted", "3376 6.4.1", BOTH,
	  START_QUERIER, "2 rec is_ex G a,b; 2 rec is_ex G b,c; ? a>G 2; ? b>G -; ? c>G 2" },
	{ "include and exclude hosts on a port", "3376 6.4.1", BOTH, START_QUERIER,
	  "2 rec is_ex G a,b; 2 rec is_in G a; ? a>G 2; ? b>G -" },
	{ "a report from nowhere is believed", "4541 2.1.1.1; 3590 4", BOTH, START_QUERIER,
	  "2 join G Z; ? G 2" },
	{ "records of a port do not mix with another's", "4541 2.1.2", BOTH, START_QUERIER,
	  "2 rec allow G a; 3 rec allow G a; 2 rec block G a; + 2; ? a>G 3; state 3 G I_a:258" },
};

static const struct snoop_row ends[] = {
	{ "any expires to the millisecond", "3376 8.4", BOTH, START_QUERIER,
	  "2 join G; + 259.999; ? G 2; + 0.001; ? G *; entries 0; events left 1" },
	{ "a source expires to the millisecond", "3376 6.3", BOTH, START_QUERIER,
	  "2 rec allow G a; + 100; 2 rec allow G b; + 159.999; ? a>G 2; + 0.001; ? a>G -; ? b>G 2; "
	  "+ 99.999; ? b>G 2; + 0.001; ? b>G *; entries 0" },
	{ "a report keeps it", "3376 6.4.1", BOTH, START_QUERIER,
	  "2 join G; + 200; 2 join G; + 259.999; ? G 2; + 0.001; ? G *" },
	{ "each port by itself", "4541 2.1.2", BOTH, START_QUERIER,
	  "2 join G; + 100; 3 join G; + 160; ? G 3; + 99.999; ? G 3; + 0.001; ? G *" },
	{ "the group timer ends with sources that run: INCLUDE", "3376 6.5", BOTH, START_QUERIER,
	  "2 rec is_ex G a; + 200; 2 rec allow G b; + 60; state 2 G I_b:200; ? b>G 2; ? c>G -; "
	  "? a>G -" },
	{ "a requested source that ends is excluded", "3376 6.3", BOTH, START_QUERIER,
	  "2 rec is_ex G; 2 rec allow G a; + 200; 2 join G; 2 rec is_ex G a; + 259; "
	  "state 2 G E1_a:1" },
	{ "a source's timer ends while the group's runs", "3376 6.3", BOTH, START_QUERIER,
	  "2 rec is_ex G; 2 rec block G a; + 2; state 2 G E258_-a; ? a>G -; ? b>G 2" },
	{ "intervals are the settings'", "3376 8.4", BOTH, START_QUERIER,
	  "set robustness=3 query=20000 response=5000; 2 join G; + 64.999; ? G 2; + 0.001; ? G *" },
	{ "port down ends it at once", "4541 2.1.2", BOTH, START_QUERIER,
	  "2 join G; 3 join G; port 2 down; ? G 3; port 3 down; entries 0" },
	{ "port deleted", "4541 2.1.2", BOTH, START_QUERIER, "2 join G; port 2 delete; entries 0" },
	{ "port down is for sources too", "4541 2.1.2", BOTH, START_QUERIER,
	  "2 rec allow G a,b; 3 rec allow G a; port 2 down; ? a>G 3; ? b>G -; entries 2" },
};

static const struct snoop_row leaves[] = {
	{ "a router's port is left to the router, which our address might beat", "3810 7.6.2",
	  ONLY_IPV6, START_OTHER,
	  "4 join G; 4 rec allow H a; 2 join G; clear; 4 leave G; 4 rec block H a; sent -; + 3; "
	  "sent -; state 4 G E257; ? a>H 4; 2 leave G; sent 2:G" },
	{ "a router's port, as querier", "3810 7.6.3", ONLY_IPV6, START_QUERIER,
	  "4 query R; 4 join G; clear; 4 leave G; sent 4:G; + 2; state 4 G none" },
	{ "IGMP's queries have no address", "4541 2.1.1", ONLY_IPV4, START_OTHER,
	  "4 join G; clear; 4 leave G; sent 4:G; + 2; state 4 G none" },
	{ "leave: asked on that port, twice, then gone", "2236 3; 2710 4", BOTH, START_QUERIER,
	  "2 join G; 3 join G; clear; 2 leave G; sent 2:G; sent -; ? G 2,3; + 0.999; sent -; "
	  "+ 0.001; sent 2:G; + 0.999; ? G 2,3; + 0.001; ? G 3; sent -" },
	{ "leave that is answered", "2236 3; 2710 4", BOTH, START_QUERIER,
	  "2 join G; clear; 2 leave G; + 0.5; 2 join G; + 250; ? G 2" },
	{ "the second query says that it was answered (S flag)", "3376 6.6.3.1", BOTH,
	  START_QUERIER,
	  "2 join G; clear; 2 leave G; sent 2:G; + 0.5; 2 join G; + 0.5; sent 2:G!; + 5; sent -" },
	{ "leave while asked already", "2236 6", BOTH, START_QUERIER,
	  "2 join G; clear; 2 leave G; sent 2:G; 2 leave G; 2 leave G; sent -; + 2; ? G *" },
	{ "leave of what is not joined here", "2236 3", BOTH, START_QUERIER,
	  "3 join G; clear; 2 leave G; sent -; ? G 3" },
	{ "last member intervals are the settings'", "3376 8.8", BOTH, START_QUERIER,
	  "set last=300 last_count=4; 2 join G; clear; 2 leave G; sent 2:G; + 0.3; sent 2:G; "
	  "+ 0.3; sent 2:G; + 0.3; sent 2:G; + 0.299; ? G 2; + 0.001; ? G *; sent -" },
	{ "TO_IN leaves too", "3376 6.4.2", BOTH, START_QUERIER,
	  "2 rec to_ex G; clear; 2 rec to_in G; sent 2:G; + 2; ? G *" },
	{ "a v2 leave of INCLUDE hosts asks for the sources", "3376 7.3.2", BOTH, START_QUERIER,
	  "2 rec allow G a; clear; 2 leave G; sent 2:G{a}; + 2; ? a>G *" },
	{ "BLOCK: asked for the source, then gone", "3376 6.6.3.2", BOTH, START_QUERIER,
	  "2 rec allow G a,b; clear; 2 rec block G a; sent 2:G{a}; + 1; sent 2:G{a}; + 0.999; "
	  "? a>G 2; + 0.001; ? a>G -; ? b>G 2" },
	{ "BLOCK that is answered: S flag", "3376 6.6.3.2", BOTH, START_QUERIER,
	  "2 rec allow G a,b; clear; 2 rec block G a,b; sent 2:G{a,b}; 2 rec is_in G a; + 1; "
	  "sent 2:G{a}!; sent 2:G{b}; + 1; ? a>G 2; ? b>G -" },
	{ "not querier: asked all the same, from 0.0.0.0", "4541 2.1.1; 3376 6.6.3", BOTH,
	  START_OTHER, "2 join G; clear; 2 leave G; sent 2:G; + 1; sent 2:G; + 1; ? G *" },
	{ "nobody is querier: asked all the same", "4541 2.1.1", BOTH, START_BARE,
	  "2 join G; 2 leave G; sent 2:G; + 2; entries 0" },
	{ "fast leave: gone at once, unasked", "4541 2.1.1", BOTH, START_QUERIER,
	  "port 2 fast; 2 join G; 3 join G; clear; 2 leave G; sent -; ? G 3" },
	{ "fast leave by TO_IN", "4541 2.1.1", BOTH, START_QUERIER,
	  "port 2 fast; 2 rec to_ex G; 2 rec to_in G; ? G *; entries 0; sent -" },
	{ "fast leave of a source", "4541 2.1.1", BOTH, START_QUERIER,
	  "port 2 fast; 2 rec allow G a,b; 2 rec block G a; ? a>G -; ? b>G 2; sent -" },
	{ "fast leave, EXCLUDE to INCLUDE of a source", "3376 6.4.2", BOTH, START_QUERIER,
	  "port 2 fast; 2 rec to_ex G; 2 rec to_in G a; state 2 G I_a:260; ? a>G 2; ? b>G -" },
	{ "two ports leave together", "2236 3", BOTH, START_QUERIER,
	  "2 join G; 3 join G; clear; 2 leave G; 3 leave G; sent 2:G; sent 3:G; + 2; ? G *" },
	{ "a specific query of the querier lowers timers elsewhere", "2236 3; 3376 6.6.1", BOTH,
	  START_OTHER,
	  "2 join G; 4 join G; 4 query R group=G resp=1000; to 1,2,3; + 1.999; ? G 2,4; "
	  "+ 0.001; ? G 4" },
	{ "its response time counts", "2236 3", BOTH, START_OTHER,
	  "2 join G; 4 query R group=G resp=5000; + 9.999; ? G 2,4; + 0.001; ? G *" },
	{ "no response time at all is not believed", "3376 4.1.1", BOTH, START_OTHER,
	  "2 join G; 4 query R group=G resp=0; + 1.999; ? G 2,4; + 0.001; ? G *" },
	{ "the S flag leaves timers alone", "3376 6.6.1", BOTH, START_OTHER,
	  "2 join G; 4 query R group=G resp=1000 s; + 100; ? G 2,4" },
	{ "a query for sources lowers those", "3376 6.6.1", BOTH, START_OTHER,
	  "2 rec allow G a,b; 4 query R group=G sources=a resp=1000; + 2; ? a>G 4; ? b>G 2,4" },
	{ "a specific query for something else", "3376 6.6.1", BOTH, START_OTHER,
	  "2 join G; 4 query R group=H resp=1000; + 100; ? G 2,4" },
};

static const struct snoop_row forwarded[] = {
	{ "reports go to router ports alone", "4541 2.1.1.1", BOTH, START_OTHER,
	  "2 join G; to 4; 3 rec to_ex G; to 4; port 3 router=static; 2 join G; to 3,4; 4 join G; "
	  "to 3" },
	{ "without routers reports go nowhere", "4541 2.1.1.1", BOTH, START_QUERIER,
	  "2 join G; to -" },
	{ "router ports get registered groups too", "4541 2.1.2", BOTH, START_OTHER,
	  "2 join G; ? G 2,4; 3 rec allow H a; ? a>H 3,4; ? b>H 4" },
	{ "queries go everywhere else", "4541 2.1.1", BOTH, START_OTHER,
	  "4 query R; to 1,2,3; 4 query R group=G; to 1,2,3" },
	{ "the last leave is passed at once", "4541 2.1.1.1", BOTH, START_OTHER,
	  "2 join G; 2 leave G; to 4; count leaves_held 0" },
	{ "a leave is held while another port has members", "2236 9", BOTH, START_OTHER,
	  "2 join G; 3 join G; 2 leave G; to -; count leaves_held 1; 3 leave G; to 4; "
	  "count leaves_held 1" },
	{ "held for members by sources too", "2236 9", BOTH, START_OTHER,
	  "2 join G; 3 rec allow G a; 2 leave G; to -" },
	{ "a port that was asked and answered holds again", "2236 9", BOTH, START_OTHER,
	  "2 join G; 3 join G; 3 leave G; to -; 3 join G; 2 leave G; to -" },
	{ "members behind one router do not hold the leave from it", "2236 9", BOTH, START_OTHER,
	  "port 3 router=static; 2 join G; 4 join G; 2 leave G; to 4" },
	{ "configured members hold", "2236 9", BOTH, START_OTHER,
	  "static 3 G; 2 join G; 2 leave G; to -" },
	{ "a leave with fast leave is passed at once", "4541 2.1.1.1", BOTH, START_OTHER,
	  "port 2 fast; 2 join G; 2 leave G; to 4" },
	{ "a v1 host on the port holds the leave", "3376 7.3.2", ONLY_IPV4, START_OTHER,
	  "2 join1 G; 2 leave G; to -; count record_old_version 1" },
	{ "a leave of an unknown group is passed", "2236 9", BOTH, START_OTHER, "2 leave G; to 4" },
	{ "v3 reports that leave pass unchanged", "4541 2.1.1.1", BOTH, START_OTHER,
	  "2 rec to_ex G; 3 rec to_ex G; 2 rec to_in G; to 4; 2 rec block G a; to 4" },
};

static const struct snoop_row older[] = {
	{ "v2 host: BLOCK is ignored", "3376 7.3.2; 3810 8.3.2", BOTH, START_QUERIER,
	  "2 join G; clear; 2 rec block G a; sent -; state 2 G E260; count record_old_version 1" },
	{ "v2 host: sources of TO_EX are ignored", "3376 7.3.2; 3810 8.3.2", BOTH, START_QUERIER,
	  "2 join G; 2 rec to_ex G a; state 2 G E260; ? a>G 2" },
	{ "v2 host: TO_IN counts", "3376 7.3.2; 3810 8.3.2", BOTH, START_QUERIER,
	  "2 join G; clear; 2 rec to_in G; sent 2:G; + 2; ? G *" },
	{ "v2 host: its time over, BLOCK counts again", "3376 8.13", BOTH, START_QUERIER,
	  "2 join G; + 250; 2 rec is_ex G; + 9.999; 2 rec block G a; "
	  "count record_old_version 1; + 0.001; 2 rec block G a; state 2 G E250_a:2" },
	{ "v1 host: leave is ignored", "3376 7.3.2", ONLY_IPV4, START_QUERIER,
	  "2 join1 G; clear; 2 leave G; sent -; + 2; ? G 2; count record_old_version 1" },
	{ "v1 host: TO_IN, BLOCK, sources of TO_EX are ignored", "3376 7.3.2", ONLY_IPV4,
	  START_QUERIER,
	  "2 join1 G; clear; 2 rec to_in G; 2 rec block G a; 2 rec to_ex G a; sent -; state 2 G "
	  "E260" },
	{ "v1 host: its time over", "3376 8.13", ONLY_IPV4, START_QUERIER,
	  "2 join1 G; version 2 G 1; + 250; 2 join G; + 10; version 2 G 2; clear; 2 leave G; "
	  "sent 2:G" },
	{ "v1 before v2", "3376 7.3.2", ONLY_IPV4, START_QUERIER,
	  "2 join1 G; 2 join G; version 2 G 1; 3 join G; version 3 G 2" },
	{ "newer hosts alone", "3376 7.3.2", ONLY_IPV4, START_QUERIER,
	  "2 rec is_ex G; version 2 G 3" },
	{ "versions are a port's and a group's", "3376 7.3.2", BOTH, START_QUERIER,
	  "2 join G; 3 rec to_ex G; 2 rec to_ex H; clear; 3 rec block G a; sent 3:G{a}; "
	  "2 rec block H a; sent 2:H{a}" },
	{ "v2 queries for v2 groups when set so", "2236 2", ONLY_IPV4, START_QUERIER,
	  "set version=2; 2 join G; clear; 2 leave G; sent 2:G/2; + 1; sent 2:G/2" },
	{ "MLDv1 queries when set so", "2710 3", ONLY_IPV6, START_QUERIER,
	  "set version=1; 2 join G; clear; 2 leave G; sent 2:G/1; + 1; sent 2:G/1" },
	{ "with v2 queries, an answer ends the asking", "2236 6", ONLY_IPV4, START_QUERIER,
	  "set version=2; 2 join G; clear; 2 leave G; sent 2:G/2; 2 join G; + 1; sent -; ? G 2" },
	{ "sources can only be asked about in version 3", "3376 4.1", ONLY_IPV4, START_QUERIER,
	  "set version=2; 2 rec allow G a; clear; 2 rec block G a; sent 2:G{a}" },
};

static const struct snoop_row special[] = {
	{ "224.0.0.0/24 is never snooped away", "4541 2.1.2", ONLY_IPV4, START_QUERIER,
	  "2 join 224.0.0.251; ? 224.0.0.251 *; ? 224.0.0.1 *; entries 0; count record_local 1" },
	{ "ff02::1 is never snooped away", "4541 3", ONLY_IPV6, START_QUERIER,
	  "2 join ff02::1; ? ff02::1 *; entries 0; count record_local 1" },
	{ "unregistered ff02::/16 is flooded whatever is set", "4541 3", ONLY_IPV6, START_QUERIER,
	  "set unregistered=2; ? ff02::1:ff00:7 *; ? G -; 2 join ff02::1:ff00:7; "
	  "? ff02::1:ff00:7 2" },
	{ "scopes 0 and 1 are no membership", "3810 6", ONLY_IPV6, START_QUERIER,
	  "2 rec to_ex ff01::7 & to_ex ff10::7; entries 0; count record_local 2" },
	{ "224.0.1.0 is a group as others", "4541 2.1.2", ONLY_IPV4, START_QUERIER,
	  "2 join 224.0.1.1; ? 224.0.1.1 2" },
	{ "SSM: a join without source is ignored", "4604 2.2", ONLY_IPV4, START_QUERIER,
	  "2 join 232.1.1.1; 2 rec is_ex 232.1.1.1 & to_ex 232.1.1.1 a; entries 0; "
	  "count record_ssm 3" },
	{ "SSM: a leave too", "4604 2.2", ONLY_IPV4, START_QUERIER,
	  "2 rec allow 232.1.1.1 a; clear; 2 leave 232.1.1.1; sent -; ? a>232.1.1.1 2" },
	{ "SSM: a join of a source counts", "4604 2.2", ONLY_IPV4, START_QUERIER,
	  "2 rec allow 232.1.1.1 a; ? a>232.1.1.1 2; ? b>232.1.1.1 -" },
	{ "SSM range of IPv6", "4604 2.2", ONLY_IPV6, START_QUERIER,
	  "2 join ff35::8000:1; 2 rec to_ex ff3e::1; entries 0; count record_ssm 2; "
	  "2 rec allow ff35::8000:1 a; ? a>ff35::8000:1 2" },
	{ "beside the SSM range of IPv6", "4604 2.2", ONLY_IPV6, START_QUERIER,
	  "2 join ff35:1::1; ? ff35:1::1 2; 3 join ff15::232; ? ff15::232 3" },
	{ "unregistered: router ports", "4541 2.1.2", BOTH, START_OTHER,
	  "set unregistered=1; ? G 4; 2 join G; ? G 2,4; 2 leave G; + 2; ? G 4" },
	{ "unregistered: drop", "4541 2.1.2", BOTH, START_OTHER,
	  "set unregistered=2; ? G -; 2 join G; ? G 2,4" },
	{ "a valid record after one of an unknown type", "3376 4.2.12", BOTH, START_QUERIER,
	  "2 rec 7 H a,b & to_ex G; ? G 2; ? H *; count record_unknown_type 1" },
	{ "auxiliary data is skipped in 32-bit words", "3376 4.2.6", BOTH, START_QUERIER,
	  "2 rec to_ex H aux=3 & to_ex G; ? G 2; ? H 2; 2 rec 99 G a,b aux=255 & allow H a; ? G "
	  "2" },
	{ "a record of what is no group", "3376 4.2.8", ONLY_IPV4, START_QUERIER,
	  "2 rec to_ex 10.1.1.1 & to_ex G; entries 1; ? G 2; count record_group 1" },
	{ "a record whose source is a group", "3376 4.2.9", BOTH, START_QUERIER,
	  "2 rec allow G H & allow G Z & allow H a; entries 2; count record_group 2" },
};

static const struct snoop_row limits[] = {
	{ "groups of a port", "3228 2", BOTH, START_QUERIER,
	  "port 2 max=1; 2 join G; 2 join H; ? G 2; ? H *; count record_groups_full 1; 3 join H; "
	  "? H 3; events refused 1" },
	{ "groups of the domain's default", "3228 2", BOTH, START_QUERIER,
	  "set groups=1; 2 join G; 2 join H; ? H *; 2 join G; ? G 2; count record_groups_full 1" },
	{ "a group that left makes room", "3228 2", BOTH, START_QUERIER,
	  "port 2 max=1 fast; 2 join G; 2 leave G; 2 join H; ? H 2; count record_groups_full 0" },
	{ "sources of a group", "3228 2", BOTH, START_QUERIER,
	  "set sources=2; 2 rec allow G a,b,c; ? a>G 2; ? b>G 2; ? c>G -; "
	  "count record_sources_full 1; 2 rec allow G a,b; count record_sources_full 1" },
	{ "permitted ranges", "4541 2", ONLY_IPV4, START_QUERIER,
	  "port 2 permit=239.1.0.0/16; 2 join G; 2 join 239.2.0.1; ? G 2; ? 239.2.0.1 *; "
	  "count record_not_permitted 1; 3 join 239.2.0.1; ? 239.2.0.1 3" },
	{ "two permitted ranges, one not of whole bytes", "4541 2", ONLY_IPV4, START_QUERIER,
	  "port 2 permit=239.1.0.0/16 permit=239.128.0.0/9; 2 join 239.200.0.1; 2 join "
	  "239.100.0.1; "
	  "? 239.200.0.1 2; ? 239.100.0.1 *" },
	{ "permitted ranges of IPv6", "4541 2", ONLY_IPV6, START_QUERIER,
	  "port 2 permit=ff15::/16; 2 join G; 2 join ff18::1; ? G 2; ? ff18::1 *" },
	{ "what is permitted no more runs out", "4541 2", ONLY_IPV4, START_QUERIER,
	  "2 join G; port 2 permit=239.2.0.0/16; + 100; 2 join G; + 159.999; ? G 2; + 0.001; ? G "
	  "*" },
	{ "what is permitted no more can be left", "2236 3", ONLY_IPV4, START_QUERIER,
	  "2 join G; port 2 permit=239.2.0.0/16; 2 leave G; sent 2:G; + 2; ? G *; count "
	  "record_not_permitted 0" },
	{ "a join that is not permitted is not passed on", "4541 2.1.1.1", BOTH, START_OTHER,
	  "port 2 permit=239.9.0.0/16 permit=ff18::/16; 2 join G; to -; 2 rec to_ex G; to -; "
	  "2 rec allow G a; to -; count record_not_permitted 3; 3 join G; to 4; 2 leave G; "
	  "2 rec block G a; to 4; 2 rec to_in G; to 4" },
	{ "of a join within the ranges", "4541 2.1.1.1", ONLY_IPV4, START_OTHER,
	  "port 2 permit=239.9.0.0/16; 2 join 239.9.0.1; to 4; 2 rec to_ex G & to_ex 239.9.0.1; "
	  "to 4; 2 rec to_ex 239.9.0.1 & to_ex G; to 4; count record_not_permitted 2" },
	{ "one of several records counts", "4541 2.1.1.1", BOTH, START_OTHER,
	  "set unregistered=1; port 2 max=1; 2 rec to_ex G & to_ex H; to 4; "
	  "2 rec is_ex H & is_ex G; to 4; "
	  "2 rec to_ex H & to_in G; to 4; count record_groups_full 3" },
	{ "what nobody needs does not take the refused along", "4541 2.1.1.1", ONLY_IPV4,
	  START_OTHER,
	  "port 2 permit=239.9.0.0/16; 2 rec is_ex 224.0.0.251 & is_ex G; to -; "
	  "2 rec is_ex 224.0.0.251; to 4" },
	{ "a join that the port has no room for is not passed on", "4541 2.1.1.1", BOTH,
	  START_OTHER,
	  "set unregistered=1; port 2 max=1; 2 join G; to 4; 2 join H; to -; 2 rec to_ex H; to -; "
	  "2 join G; to 4; count record_groups_full 2; set unregistered=2; 2 join H; to -" },
	{ "if it is flooded for that, the join is passed on", "4541 2.1.1.1", BOTH, START_OTHER,
	  "port 2 max=1; 2 join G; to 4; 2 join H; ? H *; to 4; 2 rec allow H a; to 4; 3 join H; "
	  "? H 3,4; 2 join H; to -; count record_groups_full 3" },
	{ "that nothing is permitted is no reason to flood", "4541 2.1.1.1", BOTH, START_OTHER,
	  "port 2 max=1 permit=239.1.1.1/32 permit=ff15::1/128; 2 join G; to 4; 2 join H; to -; "
	  "count record_not_permitted 1" },
	{ "a configured group is asked for, permitted or not", "4541 2.1.1.1", BOTH, START_OTHER,
	  "static 2 G; port 2 permit=239.9.0.0/16 permit=ff18::/16; 2 join G; to 4; "
	  "2 rec to_ex G; to 4; 2 rec allow G a; to 4; 2 rec to_ex H & is_ex G; to 4; 2 join H; to "
	  "-; "
	  "count record_not_permitted 6; unstatic 2 G; 2 join G; to -" },
	{ "so is a configured source, and no other one", "4541 2.1.1.1", BOTH, START_OTHER,
	  "static 2 G a; port 2 permit=239.9.0.0/16 permit=ff18::/16; 2 rec allow G b; to -; "
	  "2 rec allow G a; to 4; 2 rec is_in G b,a; to 4; 2 join G; to -" },
	{ "sources of a group that the port has need no room", "4541 2.1.1.1", BOTH, START_OTHER,
	  "set sources=1; static 2 G; 2 rec allow G a; to 4; 2 rec allow G b; to 4; "
	  "3 rec to_ex G a; to 4; 3 rec allow G b; to 4; count record_sources_full 2" },
	{ "a router's port gets it anyway", "4541 2.1.1.1", BOTH, START_OTHER,
	  "port 2 router=static permit=239.9.0.0/16 permit=ff18::/16; 2 join G; to 4; "
	  "port 2 router=never; 2 join G; to -; count record_not_permitted 2" },
	{ "what is not enforced is not withheld", "4541 2.1.1.1", BOTH, START_BARE,
	  "port 3 router=static; port 2 permit=239.9.0.0/16 permit=ff18::/16; enforced 0; 2 join "
	  "G; "
	  "to 3; count record_not_permitted 1" },
	{ "nor are sources", "4541 2.1.1.1", BOTH, START_OTHER,
	  "set sources=1; 2 rec allow G a,b; to 4; 2 rec allow G b,c; to -; 2 rec is_in G a; to 4; "
	  "count record_sources_full 3" },
	{ "configured for any source", "4541 2.1.2", BOTH, START_QUERIER,
	  "static 2 G; ? G 2; + 1000; ? G 2; 3 join G; ? G 2,3; unstatic 2 G; ? G 3" },
	{ "configured for a source", "4541 2.1.2", BOTH, START_QUERIER,
	  "static 2 G a; ? a>G 2; ? b>G -; + 1000; ? a>G 2; unstatic 2 G a; ? a>G *; entries 0" },
	{ "configured and learned", "4541 2.1.2", BOTH, START_QUERIER,
	  "static 2 G; 2 rec is_ex G a; ? a>G 2; unstatic 2 G; ? a>G -; ? b>G 2; + 260; entries "
	  "0" },
	{ "a configured source is not left", "4541 2.1.2", BOTH, START_QUERIER,
	  "static 2 G a; 2 rec allow G a,b; 2 rec to_in G; + 2; ? a>G 2; ? b>G -" },
	{ "configured survives its port's going down", "4541 2.1.2", BOTH, START_QUERIER,
	  "static 2 G; 2 join G; port 2 down; port 2 up; ? G 2" },
};

#define TABLE(rows)                                                                                \
	static void test_##rows(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		snoop_table(rows, sizeof(rows) / sizeof(rows[0]));                                 \
	}
TABLE(joins)
TABLE(ends)
TABLE(leaves)
TABLE(forwarded)
TABLE(older)
TABLE(special)
TABLE(limits)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_joins),  cmocka_unit_test(test_ends),
		cmocka_unit_test(test_leaves), cmocka_unit_test(test_forwarded),
		cmocka_unit_test(test_older),  cmocka_unit_test(test_special),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
