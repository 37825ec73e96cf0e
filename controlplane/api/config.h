/* SPDX-License-Identifier: BSD-3-Clause
 *
 * config.h: the configuration file: show, save, diff, apply, confirm, rollback.
 *
 * The document is {"shunt_config": 1, NOUN: [{params of `NOUN add`}, ...], ...}, also with members
 * that only `NOUN set` knows ("admin": "down").
 *
 * `apply` checks the whole document, then executes what differs as one atomic batch. With `confirm
 * T` the configuration as it was goes into RUN_DIR/NAME/rollback.json first, with the deadline, so
 * that it comes back even when the control plane is killed and started again meanwhile.
 */
#ifndef SHUNT_API_CONFIG_H
#define SHUNT_API_CONFIG_H

#include "controlplane/api/batch.h"
#include "controlplane/api/configuration.h"

/* Read a document from a file and check it. Negative errno with *error set: for bad JSON with line,
 * column and reason. */
int config_load(struct configuration *configuration, const char *path, struct error *error);

/* The running configuration as a document, JSON text. */
int config_show(struct api *api, struct buffer *buffer, struct error *error);

/* Write the running configuration to `path`, or api->config_path if it is NULL: a temporary file,
 * synced, renamed. */
int config_save(struct api *api, const char *path, struct error *error);

/* Where apply and diff find the wished configuration. */
struct config_source {
	json_t *document; /* borrowed, or NULL */
	const char *path; /* if there is no document */
};

/* What apply would do, {"add":[{"command","params","text"}...],"delete":[...],"change":[...]}: a
 * new reference, or NULL and *error set. */
json_t *config_diff(struct api *api, const struct config_source *source, struct error *error);

/* Begin to apply: the batch to be stepped until it is over, then given to config_applied.
 * `confirm`: nanoseconds until it is rolled back, 0: never. NULL: refused, *error set. */
struct batch *config_apply(struct api *api, const struct config_source *source, uint64_t confirm,
			   struct error *error);

/* End of an apply; frees the batch. A new reference, {"changed":N}, or NULL and *error set (then
 * nothing was changed). */
json_t *config_applied(struct api *api, struct batch *batch, struct error *error);

/* Keep what was applied. -ENOENT: nothing waits for it. */
int config_confirm(struct api *api, struct error *error);

/* Begin to go back at once, as config_apply; give the batch to config_rolled_back. */
struct batch *config_rollback(struct api *api, struct error *error);
json_t *config_rolled_back(struct api *api, struct batch *batch, struct error *error);

/* At start-up, when the journal is replayed: go on with the deadline that is found in the run
 * directory, if there is one. A file that is damaged is told and renamed to rollback.json.damaged. */
void config_resume(struct api *api);

/* For shutdown. */
void config_close(struct api *api);

#endif
