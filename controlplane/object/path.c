/* SPDX-License-Identifier: BSD-3-Clause
 *
 * path.c: what the paths of label routes and of routes have in common: a path as it was said, and
 * the request for a nexthop that it makes.
 */
#include "model.h"

static void copy_name(char to[NAME_SIZE], const char *from)
{
	size_t length = strnlen(from, NAME_SIZE - 1);

	memcpy(to, from, length);
}

void path_to_request(const struct path *path, const uint32_t *labels, unsigned int label_count,
		     struct nexthop_request *request)
{
	const struct value *value = path->value;

	memset(request, 0, sizeof(*request));
	request->label_count = (uint8_t)label_count;
	memcpy(request->label, labels, label_count * sizeof(labels[0]));
	request->has_via = path_present(path, PATH_VIA);
	if (request->has_via)
		memcpy(request->via, value[PATH_VIA].address.bytes, sizeof(request->via));
	if (path_present(path, PATH_DEV))
		copy_name(request->dev, value[PATH_DEV].string);
	request->entropy = path_present(path, PATH_ENTROPY) && value[PATH_ENTROPY].number != 0;
	request->has_backup = path_present(path, PATH_BACKUP_VIA);
	if (!request->has_backup)
		return;
	memcpy(request->backup_via, value[PATH_BACKUP_VIA].address.bytes,
	       sizeof(request->backup_via));
	if (path_present(path, PATH_BACKUP_DEV))
		copy_name(request->backup_dev, value[PATH_BACKUP_DEV].string);
}

/* ---------------------------------------------------------------- and back */

static void put_string(struct arguments *arguments, struct path *path,
		       enum path_parameter parameter, const char *string)
{
	size_t size = strlen(string) + 1;

	if (size > sizeof(arguments->text) - arguments->text_used)
		return;
	char *to = arguments->text + arguments->text_used;
	memcpy(to, string, size);
	arguments->text_used += (unsigned int)size;
	path->value[parameter].string = to;
	path->present |= parameter_bit(parameter);
}

static void put_address(struct path *path, enum path_parameter parameter, const uint8_t bytes[16])
{
	memcpy(path->value[parameter].address.bytes, bytes, 16);
	path->present |= parameter_bit(parameter);
}

void path_put_stack(struct path *path, enum path_parameter parameter, const uint32_t *labels,
		    unsigned int count)
{
	path->value[parameter].stack_count = (uint8_t)count;
	memcpy(path->value[parameter].stack, labels, count * sizeof(labels[0]));
	path->present |= parameter_bit(parameter);
}

void path_put_hop(struct arguments *arguments, struct path *path,
		  const struct nexthop_request *request)
{
	path->present = 0;
	if (request->has_via)
		put_address(path, PATH_VIA, request->via);
	if (request->dev[0] != 0)
		put_string(arguments, path, PATH_DEV, request->dev);
	if (!request->has_backup)
		return;
	put_address(path, PATH_BACKUP_VIA, request->backup_via);
	if (request->backup_dev[0] != 0)
		put_string(arguments, path, PATH_BACKUP_DEV, request->backup_dev);
}

static void interface_name(const struct model *model, uint32_t index, char name[NAME_SIZE])
{
	const struct interface_object *interface =
		index < INTERFACE_MAX ? model->interface[index] : NULL;

	if (interface != NULL)
		memcpy(name, interface->name, NAME_SIZE);
}

void path_of_nexthop(const struct model *model, uint32_t nexthop, struct nexthop_request *request)
{
	const struct nexthop_key *key = &model->nexthop[nexthop]->key;
	static const uint8_t none[16]; /* into a tunnel */

	memset(request, 0, sizeof(*request));
	memcpy(request->via, key->via, sizeof(request->via));
	request->has_via = memcmp(key->via, none, sizeof(none)) != 0;
	if (key->flags & REWRITE_DEV_GIVEN)
		interface_name(model, key->interface, request->dev);
	request->label_count = key->label_count;
	memcpy(request->label, key->label, sizeof(request->label));
	request->entropy = (key->flags & REWRITE_ENTROPY) != 0;
	request->has_backup = key->has_backup;
	memcpy(request->backup_via, key->backup_via, sizeof(request->backup_via));
	if (key->flags & REWRITE_BACKUP_DEV)
		interface_name(model, key->backup_interface, request->backup_dev);
}
