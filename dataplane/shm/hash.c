/* SPDX-License-Identifier: BSD-3-Clause
 *
 * hash.c: how the control plane changes an exact-match table, and how it is walked.
 */
#include <errno.h>
#include "reader.h"
#include "hash.h"

#define ENTRY_OFFSET(word) ((word) & ((1ull << 48) - 1))

enum {
	BUCKET_COUNT_MIN = 16,
	BUCKET_LOAD = 4, /* entries a bucket that a new table is made for */
	CHAIN_WANTED = 2, /* buckets: past it the table doubles, so that most keys are in the first */
	ENTRY_SIZE_MAX = 4096,
	BUCKET_COUNT_MAX = 1 << 22,
};

/* A table that the control plane works on: published, or being built. */
struct table {
	struct tables *tables;
	struct heap *heap;
	struct hash_root *root;
	struct hash_bucket *buckets;
};

/* A place that an entry word stands in, or may. */
struct place {
	_Atomic uint64_t *entry; /* the key's word, or NULL */
	_Atomic uint64_t *free;  /* the first free word of the chain, or NULL */
	struct hash_bucket *last;
	unsigned int chain; /* buckets */
};

static struct hash_root *published_root(struct tables *tables, enum hash_table_id id)
{
	uint64_t offset = word_load(&tables->hash_root[id]);

	return offset == 0 ? NULL : (struct hash_root *)((uint8_t *)tables + offset);
}

static struct table open_table(struct tables *tables, struct heap *heap, struct hash_root *root)
{
	return (struct table){ tables, heap, root, heap_object(heap, root->buckets) };
}

static uint64_t hash_of(const struct table *table, const void *key)
{
	return hash_bytes(table->tables->control.hash_key, key, table->root->key_size);
}

static struct place find(const struct table *table, uint64_t hash, const void *key)
{
	struct hash_bucket *bucket = &table->buckets[hash & (table->root->bucket_count - 1)];
	struct place place = { 0 };

	for (;;) {
		place.last = bucket;
		place.chain++;
		for (unsigned int i = 0; i < HASH_BUCKET_ENTRIES; i++) {
			uint64_t word = word_load(&bucket->entry[i]);
			if (word == 0) {
				place.free = place.free != NULL ? place.free : &bucket->entry[i];
			} else if (key != NULL && word >> 48 == hash >> 48 &&
				   memcmp(heap_object(table->heap, ENTRY_OFFSET(word)), key,
					  table->root->key_size) == 0) {
				place.entry = &bucket->entry[i];
				return place;
			}
		}
		uint64_t overflow = word_load(&bucket->overflow);
		if (overflow == 0)
			return place;
		bucket = heap_object(table->heap, overflow);
	}
}

/* Store a word of a key that is not in the table. -EOVERFLOW: its chain has `chain_max` buckets, and they
 * are full; -ENOSPC. */
static int add_word(const struct table *table, const struct place *place, uint64_t word,
		    unsigned int chain_max)
{
	if (place->free != NULL) {
		word_store(place->free, word);
		return 0;
	}
	if (place->chain >= chain_max)
		return -EOVERFLOW;
	uint64_t offset = heap_allocate(table->heap, sizeof(struct hash_bucket));
	if (offset == 0)
		return -ENOSPC;
	struct hash_bucket *bucket = heap_object(table->heap, offset);
	word_store(&bucket->entry[0], word);
	word_store(&place->last->overflow, offset);
	return 0;
}

/* ---------------------------------------------------------------- build and take apart */

static uint64_t buckets_size(const struct hash_root *root)
{
	return root->bucket_count * sizeof(struct hash_bucket);
}

/* An empty table that nobody sees yet: its root's offset, or 0. */
static uint64_t build(struct heap *heap, uint64_t key_size, uint64_t entry_size,
		      uint64_t bucket_count)
{
	uint64_t offset = heap_allocate(heap, sizeof(struct hash_root));

	if (offset == 0)
		return 0;
	struct hash_root *root = heap_object(heap, offset);
	root->bucket_count = bucket_count;
	root->key_size = key_size;
	root->entry_size = entry_size;
	root->buckets = heap_allocate(heap, buckets_size(root));
	if (root->buckets == 0) {
		heap_free(heap, offset, sizeof(*root));
		return 0;
	}
	return offset;
}

/* Free root and buckets, not the entries, after a grace period. */
static void discard(struct heap *heap, uint64_t root_offset)
{
	struct hash_root *root = heap_object(heap, root_offset);
	struct hash_bucket *buckets = heap_object(heap, root->buckets);

	for (uint64_t i = 0; i < root->bucket_count; i++) {
		uint64_t offset = word_load(&buckets[i].overflow);
		while (offset != 0) {
			struct hash_bucket *bucket = heap_object(heap, offset);
			uint64_t next = word_load(&bucket->overflow);
			heap_free(heap, offset, sizeof(*bucket));
			offset = next;
		}
	}
	heap_free(heap, root->buckets, buckets_size(root));
	heap_free(heap, root_offset, sizeof(*root));
}

static int copy_bucket(const struct table *to, const struct hash_bucket *bucket)
{
	for (unsigned int i = 0; i < HASH_BUCKET_ENTRIES; i++) {
		uint64_t word = word_load(&bucket->entry[i]);
		if (word == 0)
			continue;
		uint64_t hash = hash_of(to, heap_object(to->heap, ENTRY_OFFSET(word)));
		struct place place = find(to, hash, NULL);
		int result = add_word(to, &place, word, CHAIN_WANTED);
		if (result != 0)
			return result;
	}
	return 0;
}

static int copy_entries(const struct table *from, const struct table *to)
{
	for (uint64_t i = 0; i < from->root->bucket_count; i++) {
		const struct hash_bucket *bucket = &from->buckets[i];
		for (;;) {
			int result = copy_bucket(to, bucket);
			if (result != 0)
				return result;
			uint64_t overflow = word_load(&bucket->overflow);
			if (overflow == 0)
				break;
			bucket = heap_object(from->heap, overflow);
		}
	}
	return 0;
}

/* Build the table anew, at least doubled, and publish it. Readers stay in the old one meanwhile. */
static int grow(struct tables *tables, struct heap *heap, enum hash_table_id id)
{
	uint64_t old_offset = word_load(&tables->hash_root[id]);
	struct table old = open_table(tables, heap, published_root(tables, id));
	uint64_t bucket_count = old.root->bucket_count;
	int result = -EOVERFLOW;

	while (result == -EOVERFLOW && (bucket_count *= 2) <= BUCKET_COUNT_MAX) {
		uint64_t offset =
			build(heap, old.root->key_size, old.root->entry_size, bucket_count);
		if (offset == 0)
			return -ENOSPC;
		struct table new = open_table(tables, heap, heap_object(heap, offset));
		result = copy_entries(&old, &new);
		if (result == 0)
			word_store(&tables->hash_root[id], offset);
		discard(heap, result == 0 ? old_offset : offset);
	}
	return result == -EOVERFLOW ? -ENOSPC : result;
}

/* ---------------------------------------------------------------- change */

int hash_create(struct tables *tables, struct heap *heap, enum hash_table_id id, size_t key_size,
		size_t entry_size, uint64_t capacity)
{
	struct hash_root *root = published_root(tables, id);
	uint64_t bucket_count = BUCKET_COUNT_MIN;

	if (key_size == 0 || key_size % 8 != 0 || entry_size < key_size ||
	    entry_size > ENTRY_SIZE_MAX)
		return -EINVAL;
	if (root != NULL)
		return root->key_size == key_size && root->entry_size == entry_size ? 0 : -EINVAL;
	while (bucket_count * BUCKET_LOAD < capacity && bucket_count < BUCKET_COUNT_MAX)
		bucket_count *= 2;
	uint64_t offset = build(heap, key_size, entry_size, bucket_count);
	if (offset == 0)
		return -ENOSPC;
	word_store(&tables->hash_root[id], offset);
	return 0;
}

/* Put the word of a new key in, into a larger table if its chain is full. Where there is no memory for one,
 * the chain may be longer. */
static int insert(struct tables *tables, struct heap *heap, enum hash_table_id id, uint64_t hash,
		  uint64_t word)
{
	for (;;) {
		struct table table = open_table(tables, heap, published_root(tables, id));
		struct place place = find(&table, hash, NULL);
		int result = add_word(&table, &place, word, CHAIN_WANTED);
		if (result != -EOVERFLOW)
			return result;
		result = grow(tables, heap, id);
		if (result == -ENOSPC)
			result = add_word(&table, &place, word, HASH_CHAIN_MAX);
		else if (result == 0)
			continue;
		return result == -EOVERFLOW ? -ENOSPC : result;
	}
}

int hash_put(struct tables *tables, struct heap *heap, enum hash_table_id id, const void *entry)
{
	struct hash_root *root = published_root(tables, id);

	if (root == NULL)
		return -EINVAL;
	uint64_t size = root->entry_size;
	struct table table = open_table(tables, heap, root);
	uint64_t hash = hash_of(&table, entry);
	struct place place = find(&table, hash, entry);
	uint64_t old = place.entry == NULL ? 0 : ENTRY_OFFSET(word_load(place.entry));
	if (old != 0 && memcmp(heap_object(heap, old), entry, size) == 0)
		return 0;

	uint64_t offset = heap_allocate(heap, size);
	if (offset == 0)
		return -ENOSPC;
	memcpy(heap_object(heap, offset), entry, size);
	uint64_t word = (hash >> 48 << 48) | offset;
	if (old != 0) {
		word_store(place.entry, word);
		heap_free(heap, old, size);
		return 0;
	}
	int result = insert(tables, heap, id, hash, word);
	if (result != 0)
		heap_free(heap, offset, size);
	return result;
}

int hash_remove(struct tables *tables, struct heap *heap, enum hash_table_id id, const void *key)
{
	struct hash_root *root = published_root(tables, id);

	if (root == NULL)
		return -ENOENT;
	struct table table = open_table(tables, heap, root);
	struct place place = find(&table, hash_of(&table, key), key);
	if (place.entry == NULL)
		return -ENOENT;
	uint64_t old = ENTRY_OFFSET(word_load(place.entry));
	word_store(place.entry, 0);
	heap_free(heap, old, root->entry_size);
	return 0;
}

/* ---------------------------------------------------------------- walk and claim */

static bool root_valid(const struct hash_root *root)
{
	return root->bucket_count >= 1 && root->bucket_count <= BUCKET_COUNT_MAX &&
	       (root->bucket_count & (root->bucket_count - 1)) == 0 && root->key_size > 0 &&
	       root->key_size % 8 == 0 && root->entry_size >= root->key_size &&
	       root->entry_size <= ENTRY_SIZE_MAX;
}

struct walk {
	const struct tables *tables;
	uint64_t entry_size;
	void (*visit)(void *context, const void *entry);
	void *context;
};

static uint64_t walk_chain(const struct walk *walk, const struct hash_bucket *bucket)
{
	uint64_t count = 0;

	/* a reader that nobody waits for may meet anything: nothing is followed unchecked */
	for (unsigned int chain = 0; bucket != NULL && chain < HASH_CHAIN_MAX; chain++) {
		for (unsigned int i = 0; i < HASH_BUCKET_ENTRIES; i++) {
			const void *entry = tables_object_checked(
				walk->tables, ENTRY_OFFSET(word_load(&bucket->entry[i])),
				walk->entry_size);
			if (entry == NULL)
				continue;
			count++;
			if (walk->visit != NULL)
				walk->visit(walk->context, entry);
		}
		bucket = tables_object_checked(walk->tables, word_load(&bucket->overflow),
					       sizeof(*bucket));
	}
	return count;
}

uint64_t hash_walk(const struct tables *tables, enum hash_table_id id,
		   void (*visit)(void *context, const void *entry), void *context)
{
	const struct hash_root *named =
		tables_object_checked(tables, word_load(&tables->hash_root[id]), sizeof(*named));
	uint64_t count = 0;

	if (named == NULL)
		return 0;
	struct hash_root root = *named;
	if (!root_valid(&root))
		return 0;
	const struct hash_bucket *buckets =
		tables_object_checked(tables, root.buckets, buckets_size(&root));
	if (buckets == NULL)
		return 0;
	const struct walk walk = { tables, root.entry_size, visit, context };
	for (uint64_t i = 0; i < root.bucket_count; i++)
		count += walk_chain(&walk, &buckets[i]);
	return count;
}

static int claim_bucket(const struct table *table, const struct hash_bucket *bucket)
{
	for (unsigned int i = 0; i < HASH_BUCKET_ENTRIES; i++) {
		uint64_t word = word_load(&bucket->entry[i]);
		if (word == 0)
			continue;
		uint64_t offset = ENTRY_OFFSET(word);
		if (heap_claim(table->heap, offset, table->root->entry_size) != 0 ||
		    hash_of(table, heap_object(table->heap, offset)) >> 48 != word >> 48)
			return -EINVAL;
	}
	return 0;
}

static int claim_chain(const struct table *table, const struct hash_bucket *bucket)
{
	for (unsigned int chain = 0; chain < HASH_CHAIN_MAX; chain++) {
		if (claim_bucket(table, bucket) != 0)
			return -EINVAL;
		uint64_t overflow = word_load(&bucket->overflow);
		if (overflow == 0)
			return 0;
		if (heap_claim(table->heap, overflow, sizeof(*bucket)) != 0)
			return -EINVAL;
		bucket = heap_object(table->heap, overflow);
	}
	return -EINVAL;
}

int hash_claim(struct tables *tables, struct heap *heap, enum hash_table_id id)
{
	uint64_t offset = word_load(&tables->hash_root[id]);
	int result = 0;

	if (offset == 0)
		return 0;
	if (heap_claim(heap, offset, sizeof(struct hash_root)) != 0)
		return -EINVAL;
	struct hash_root *root = heap_object(heap, offset);
	if (!root_valid(root) || heap_claim(heap, root->buckets, buckets_size(root)) != 0)
		return -EINVAL;
	struct table table = open_table(tables, heap, root);
	for (uint64_t i = 0; result == 0 && i < root->bucket_count; i++)
		result = claim_chain(&table, &table.buckets[i]);
	return result;
}
