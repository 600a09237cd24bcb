/* Known n-grams of texts, found in one pass: the compiled twin of NgramVocabulary in vocabulary.py, which is the reference.

   A Table holds the 64-bit hashes of all known n-grams and of their prefixes, so that a text is walked as in a trie: from
   each unit, the n-gram grows while it is a prefix. The global interpreter lock is released meanwhile.
   It uses Python's limited API, so one build serves every version from 3.11. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SEED UINT64_C(0x243F6A8885A308D3)
#define MULTIPLIER UINT64_C(0x9E3779B97F4A7C15)
#define SPACE 0x20
#define LONGEST 16 /* units of an n-gram */
#define MOST_NGRAMS (1 << 26)
#define MOST_UNITS (PY_SSIZE_T_MAX / 64) /* sizes in bytes do not overflow */
#define BLOCK 256 /* units whose n-grams are found at once */

static const uint32_t INITIALS[] = {
    0x3131, 0x3132, 0x3134, 0x3137, 0x3138, 0x3139, 0x3141, 0x3142, 0x3143, 0x3145,
    0x3146, 0x3147, 0x3148, 0x3149, 0x314a, 0x314b, 0x314c, 0x314d, 0x314e};
static const uint32_t FINALS[] = {
    0,      0x3131, 0x3132, 0x3133, 0x3134, 0x3135, 0x3136, 0x3137, 0x3139, 0x313a, 0x313b, 0x313c, 0x313d, 0x313e,
    0x313f, 0x3140, 0x3141, 0x3142, 0x3144, 0x3145, 0x3146, 0x3147, 0x3148, 0x314a, 0x314b, 0x314c, 0x314d, 0x314e};

static inline uint64_t extended(uint64_t hash, uint32_t code) {
    uint64_t mixed = (hash ^ code) * MULTIPLIER;
    return mixed ^ (mixed >> 29);
}

/* Units of texts */

typedef struct {
    uint32_t *units;
    Py_ssize_t *ends; /* of each text: the index after its last unit */
    Py_ssize_t count;
} Texts;

static void free_texts(Texts *texts) {
    PyMem_Free(texts->units);
    PyMem_Free(texts->ends);
    memset(texts, 0, sizeof *texts);
}

/* Write the jamo of each syllable; any other code point stays. The result may be three times as long. */
static Py_ssize_t decomposed(const uint32_t *codes, Py_ssize_t length, uint32_t *out) {
    uint32_t *at = out;
    for (Py_ssize_t i = 0; i < length; i++) {
        uint32_t offset = codes[i] - 0xAC00;
        if (offset > 0xD7A3 - 0xAC00) {
            *at++ = codes[i];
            continue;
        }
        *at++ = INITIALS[offset / 588];
        *at++ = 0x314F + offset % 588 / 28;
        if (offset % 28) *at++ = FINALS[offset % 28];
    }
    return at - out;
}

/* Read a list of strings: the units of each with a space at both ends. Return 0, or -1 with an exception. */
static int read_texts(PyObject *list, int is_jamo, Texts *texts) {
    memset(texts, 0, sizeof *texts);
    if (!PyList_Check(list)) {
        PyErr_SetString(PyExc_TypeError, "texts must be a list");
        return -1;
    }
    Py_ssize_t total = 0, longest = 0;
    texts->count = PyList_Size(list);
    for (Py_ssize_t i = 0; i < texts->count; i++) {
        PyObject *text = PyList_GetItem(list, i);
        if (!PyUnicode_Check(text)) {
            PyErr_SetString(PyExc_TypeError, "texts must be strings");
            return -1;
        }
        Py_ssize_t length = PyUnicode_GetLength(text);
        if (length > longest) longest = length;
        if (length > MOST_UNITS || total > MOST_UNITS) {
            PyErr_NoMemory();
            return -1;
        }
        total += (is_jamo ? 3 : 1) * length + 2;
    }
    texts->units = PyMem_Malloc((total + 1) * sizeof(uint32_t));
    texts->ends = PyMem_Malloc((texts->count + 1) * sizeof(Py_ssize_t));
    uint32_t *codes = is_jamo ? PyMem_Malloc((longest + 1) * sizeof(uint32_t)) : NULL;
    if (!texts->units || !texts->ends || (is_jamo && !codes)) {
        PyMem_Free(codes);
        free_texts(texts);
        PyErr_NoMemory();
        return -1;
    }
    uint32_t *at = texts->units;
    for (Py_ssize_t i = 0; i < texts->count; i++) {
        PyObject *text = PyList_GetItem(list, i);
        Py_ssize_t length = PyUnicode_GetLength(text);
        *at++ = SPACE;
        if (!PyUnicode_AsUCS4(text, is_jamo ? codes : at, length, 0)) {
            PyMem_Free(codes);
            free_texts(texts);
            return -1;
        }
        at += is_jamo ? decomposed(codes, length, at) : length;
        *at++ = SPACE;
        texts->ends[i] = at - texts->units;
    }
    PyMem_Free(codes);
    return 0;
}

/* Hash tables with linear probing */

typedef struct {
    uint64_t hash; /* 0: an empty slot */
    uint32_t id;   /* 0: it is only a prefix */
    uint32_t is_prefix;
} Slot;

typedef struct {
    Slot *slots;
    uint64_t mask;
    int shift;
} Known;

static inline Slot *slot_of(const Known *known, uint64_t hash) {
    uint64_t at = hash >> known->shift;
    while (known->slots[at].hash && known->slots[at].hash != hash) at = (at + 1) & known->mask;
    return known->slots + at;
}

typedef struct {
    PyObject_HEAD
    Known known;
    uint32_t size; /* known n-grams; ids go from 1 to size */
    int is_jamo, longest;
} Table;

static void table_dealloc(Table *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyMem_Free(self->known.slots);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

/* Make room for `count` hashes, at most half of the slots. */
static int make_known(Known *known, uint64_t count) {
    int bits = 4;
    while ((UINT64_C(1) << bits) < 2 * count) bits++;
    known->mask = (UINT64_C(1) << bits) - 1;
    known->shift = 64 - bits;
    known->slots = PyMem_Calloc(known->mask + 1, sizeof(Slot));
    return known->slots ? 0 : -1;
}

static int grow_known(Known *known) {
    Known old = *known;
    if (make_known(known, old.mask + 1) < 0) {
        *known = old;
        return -1;
    }
    for (uint64_t at = 0; at <= old.mask; at++)
        if (old.slots[at].hash) *slot_of(known, old.slots[at].hash) = old.slots[at];
    PyMem_Free(old.slots);
    return 0;
}

/* Add the n-grams of one length, and their prefixes that are not there. */
static int add_ngrams(Table *self, const uint32_t *units, Py_ssize_t count, int n, uint64_t *used) {
    for (Py_ssize_t i = 0; i < count; i++, units += n) {
        uint64_t hash = SEED;
        self->size++;
        for (int k = 1; k <= n; k++) {
            hash = extended(hash, units[k - 1]);
            Slot *slot = slot_of(&self->known, hash);
            if (!slot->hash) {
                slot->hash = hash;
                ++*used;
            }
            if (k < n)
                slot->is_prefix = 1;
            else if (!slot->id) /* of two with one hash the first counts */
                slot->id = self->size;
            if (2 * *used > self->known.mask && grow_known(&self->known) < 0) return -1;
        }
    }
    return 0;
}

/* Table(is_jamo, [(n, UTF-32 of all known n-grams), ...]) */
static PyObject *table_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    int is_jamo;
    PyObject *ngrams;
    if (!PyArg_ParseTuple(args, "pO", &is_jamo, &ngrams)) return NULL;
    if (!PyList_Check(ngrams)) {
        PyErr_SetString(PyExc_TypeError, "n-grams must be a list of pairs");
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Table *self = (Table *)allocate(type, 0);
    if (!self) return NULL;
    self->is_jamo = is_jamo;
    uint64_t total = 0, used = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (Py_ssize_t i = 0; i < PyList_Size(ngrams); i++) {
            int n;
            const char *bytes;
            Py_ssize_t length;
            if (!PyArg_ParseTuple(PyList_GetItem(ngrams, i), "iy#", &n, &bytes, &length)) goto failed;
            if (n < 1 || n > LONGEST || length % (4 * n)) {
                PyErr_SetString(PyExc_ValueError, "n-grams must have 1 to 16 units each");
                goto failed;
            }
            total += length / 4 / n;
            if (total > MOST_NGRAMS) {
                PyErr_SetString(PyExc_ValueError, "there are too many n-grams");
                goto failed;
            }
            if (n > self->longest) self->longest = n;
            if (pass && add_ngrams(self, (const uint32_t *)bytes, length / 4 / n, n, &used) < 0) {
                PyErr_NoMemory();
                goto failed;
            }
        }
        if (!pass) {
            if (make_known(&self->known, total) < 0) {
                PyErr_NoMemory();
                goto failed;
            }
            total = 0;
        }
    }
    return (PyObject *)self;
failed:
    Py_DECREF(self);
    return NULL;
}

/* The distinct ids of one text, ascending */

typedef struct {
    uint64_t *bits, *words; /* a bit for each id that was found, and a bit for each word of `bits` that is not 0 */
    Py_ssize_t count;       /* of `words` */
    uint32_t *ids;
    Py_ssize_t room;
} Found;

static int make_found(Found *found, const Table *table) {
    const Py_ssize_t bits = table->size / 64 + 1;
    found->count = bits / 64 + 1;
    found->ids = NULL;
    found->room = 0;
    found->words = calloc(found->count + bits, sizeof *found->words);
    found->bits = found->words + found->count;
    return found->words ? 0 : -1;
}

static void free_found(Found *found) {
    free(found->words);
    free(found->ids);
}

/* Grow the n-grams that begin at the units of a block all at once, so that slots are fetched while others are compared. */
static Py_ssize_t find_block(
    const Table *self, const uint32_t *units, Py_ssize_t count, Py_ssize_t length, uint32_t *ids) {
    uint64_t hashes[BLOCK];
    uint16_t begins[BLOCK];
    Py_ssize_t found = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        hashes[i] = SEED;
        begins[i] = (uint16_t)i;
    }
    for (int n = 1; n <= self->longest && count; n++) {
        while (count && begins[count - 1] + n > length) count--;
        for (Py_ssize_t i = 0; i < count; i++) {
            hashes[i] = extended(hashes[i], units[begins[i] + n - 1]);
            __builtin_prefetch(self->known.slots + (hashes[i] >> self->known.shift));
        }
        Py_ssize_t kept = 0;
        for (Py_ssize_t i = 0; i < count; i++) {
            const Slot *slot = slot_of(&self->known, hashes[i]);
            ids[found] = slot->id;
            found += slot->id > 0;
            hashes[kept] = hashes[i];
            begins[kept] = begins[i];
            kept += slot->is_prefix;
        }
        count = kept;
    }
    return found;
}

/* Write the distinct ids of a text to found->ids, ascending; return how many, or -1 without memory. */
static Py_ssize_t distinct_ids(const Table *self, const uint32_t *units, Py_ssize_t length, Found *found) {
    uint32_t ids[BLOCK * LONGEST + 1];
    Py_ssize_t distinct = 0, written = 0;
    for (Py_ssize_t begin = 0; begin < length; begin += BLOCK) {
        const Py_ssize_t left = length - begin;
        const Py_ssize_t count = find_block(self, units + begin, left < BLOCK ? left : BLOCK, left, ids);
        for (Py_ssize_t i = 0; i < count; i++) {
            const uint32_t word = ids[i] / 64;
            const uint64_t bit = UINT64_C(1) << ids[i] % 64;
            distinct += !(found->bits[word] & bit);
            found->bits[word] |= bit;
            found->words[word / 64] |= UINT64_C(1) << word % 64;
        }
    }
    if (distinct > found->room) {
        uint32_t *longer = realloc(found->ids, 2 * distinct * sizeof *longer);
        if (!longer) return -1;
        found->ids = longer;
        found->room = 2 * distinct;
    }
    for (Py_ssize_t i = 0; written < distinct; i++) {
        for (; found->words[i]; found->words[i] &= found->words[i] - 1) {
            const Py_ssize_t word = 64 * i + __builtin_ctzll(found->words[i]);
            for (; found->bits[word]; found->bits[word] &= found->bits[word] - 1)
                found->ids[written++] = (uint32_t)(64 * word + __builtin_ctzll(found->bits[word]));
        }
    }
    return distinct;
}

/* ids(texts) -> (bytearray of int32 ids, bytearray of int64 starts), as in Ids */
static PyObject *table_ids(Table *self, PyObject *list) {
    Texts texts;
    if (read_texts(list, self->is_jamo, &texts) < 0) return NULL;
    Found found;
    uint32_t *flat = NULL;
    Py_ssize_t room = 0, total = 0;
    int64_t *starts = PyMem_Malloc((texts.count + 1) * sizeof *starts);
    int failed = make_found(&found, self) < 0 || !starts;
    PyThreadState *thread = PyEval_SaveThread();
    if (!failed) starts[0] = 0;
    for (Py_ssize_t i = 0, begin = 0; i < texts.count && !failed; begin = texts.ends[i++]) {
        Py_ssize_t count = distinct_ids(self, texts.units + begin, texts.ends[i] - begin, &found);
        if (count > room - total) {
            room = 2 * room + count + 1024;
            uint32_t *longer = realloc(flat, room * sizeof *flat);
            if (longer) flat = longer;
            failed = !longer;
        }
        failed = failed || count < 0;
        if (failed) break;
        if (count) memcpy(flat + total, found.ids, count * sizeof *flat);
        starts[i + 1] = total += count;
    }
    PyEval_RestoreThread(thread);
    PyObject *result = NULL;
    if (failed)
        PyErr_NoMemory();
    else {
        PyObject *ids = PyByteArray_FromStringAndSize((char *)flat, total * sizeof *flat);
        PyObject *ends = PyByteArray_FromStringAndSize((char *)starts, (texts.count + 1) * sizeof *starts);
        if (ids && ends) result = PyTuple_Pack(2, ids, ends);
        Py_XDECREF(ids);
        Py_XDECREF(ends);
    }
    free_found(&found);
    free(flat);
    PyMem_Free(starts);
    free_texts(&texts);
    return result;
}

/* sums(texts, table, sums, known)

   table is float32 (size + 1, columns); each row of sums, float32 (n, columns), becomes the sum of the rows of the ids of a
   text, added in double precision in the order of the ids. known is n bytes; where a text has an id, 1 is written. */
static PyObject *table_sums(Table *self, PyObject *args) {
    PyObject *list, *result = NULL;
    Py_buffer table, sums, known;
    if (!PyArg_ParseTuple(args, "Oy*w*w*", &list, &table, &sums, &known)) return NULL;
    Texts texts = {0};
    Found found = {0};
    double *total = NULL;
    const Py_ssize_t row = ((Py_ssize_t)self->size + 1) * sizeof(float), columns = table.len / row;
    if (columns < 1 || columns > 100000 || table.len % row) {
        PyErr_SetString(PyExc_ValueError, "the table must have a row for each id");
        goto done;
    }
    if (read_texts(list, self->is_jamo, &texts) < 0) goto done;
    if (sums.len != texts.count * columns * (Py_ssize_t)sizeof(float) || known.len != texts.count) {
        PyErr_SetString(PyExc_ValueError, "sums and known must have a row for each text");
        goto done;
    }
    total = PyMem_Malloc(columns * sizeof *total);
    int failed = !total || make_found(&found, self) < 0;
    if (!failed) {
        float *out = sums.buf;
        const float *rows = table.buf;
        PyThreadState *thread = PyEval_SaveThread();
        for (Py_ssize_t i = 0, begin = 0; i < texts.count; begin = texts.ends[i++]) {
            Py_ssize_t count = distinct_ids(self, texts.units + begin, texts.ends[i] - begin, &found);
            if ((failed = count < 0)) break;
            memset(total, 0, columns * sizeof *total);
            for (Py_ssize_t k = 0; k < count; k++)
                for (Py_ssize_t c = 0; c < columns; c++) total[c] += rows[found.ids[k] * columns + c];
            for (Py_ssize_t c = 0; c < columns; c++) *out++ = (float)total[c];
            if (count) ((char *)known.buf)[i] = 1;
        }
        PyEval_RestoreThread(thread);
    }
    if (failed)
        PyErr_NoMemory();
    else
        result = Py_NewRef(Py_None);
done:
    PyMem_Free(total);
    free_found(&found);
    free_texts(&texts);
    PyBuffer_Release(&table);
    PyBuffer_Release(&sums);
    PyBuffer_Release(&known);
    return result;
}

/* Learning: for each n, count the comments of the n-grams whose prefix is in enough comments */

typedef struct {
    uint64_t *hashes;
    uint32_t *comments, *last; /* how many comments hold it, and which of them came last, from 1 */
    uint64_t mask, used;
    int shift;
} Counted;

static void free_counted(Counted *counted) {
    free(counted->hashes);
    free(counted->comments);
    free(counted->last);
}

static int make_counted(Counted *counted, int bits) {
    counted->used = 0;
    counted->mask = (UINT64_C(1) << bits) - 1;
    counted->shift = 64 - bits;
    counted->hashes = calloc(counted->mask + 1, sizeof(uint64_t));
    counted->comments = malloc((counted->mask + 1) * sizeof(uint32_t));
    counted->last = malloc((counted->mask + 1) * sizeof(uint32_t));
    return counted->hashes && counted->comments && counted->last ? 0 : -1;
}

static inline uint64_t counted_slot(const Counted *counted, uint64_t hash) {
    uint64_t slot = hash >> counted->shift;
    while (counted->hashes[slot] && counted->hashes[slot] != hash) slot = (slot + 1) & counted->mask;
    return slot;
}

static int count_one(Counted *counted, uint64_t hash, uint32_t comment) {
    uint64_t slot = counted_slot(counted, hash);
    if (!counted->hashes[slot]) {
        if (3 * counted->used > 2 * counted->mask) {
            Counted old = *counted, larger = {0};
            if (make_counted(&larger, 65 - old.shift) < 0) {
                free_counted(&larger);
                return -1;
            }
            for (uint64_t at = 0; at <= old.mask; at++)
                if (old.hashes[at]) {
                    uint64_t to = counted_slot(&larger, old.hashes[at]);
                    larger.hashes[to] = old.hashes[at];
                    larger.comments[to] = old.comments[at];
                    larger.last[to] = old.last[at];
                }
            larger.used = old.used;
            free_counted(&old);
            *counted = larger;
            slot = counted_slot(counted, hash);
        }
        counted->hashes[slot] = hash;
        counted->comments[slot] = 0;
        counted->last[slot] = 0;
        counted->used++;
    }
    if (counted->last[slot] != comment) {
        counted->last[slot] = comment;
        counted->comments[slot]++;
    }
    return 0;
}

/* learned(texts, is_jamo, high, min_comments) -> for each n from 1 to high, the UTF-32 of the n-grams in order of appearance */
static PyObject *learned(PyObject *module, PyObject *args) {
    PyObject *list;
    int is_jamo, high;
    unsigned int fewest;
    if (!PyArg_ParseTuple(args, "OpiI", &list, &is_jamo, &high, &fewest)) return NULL;
    if (high < 1 || high > LONGEST) {
        PyErr_SetString(PyExc_ValueError, "n-grams must have 1 to 16 units");
        return NULL;
    }
    Texts texts;
    if (read_texts(list, is_jamo, &texts) < 0) return NULL;
    Py_ssize_t total = texts.count ? texts.ends[texts.count - 1] : 0;
    PyObject *result = PyList_New(0);
    uint64_t *hashes = malloc((total + 1) * sizeof *hashes); /* of the n-gram that begins at a unit; 0: it is too rare */
    uint32_t *examples = malloc((total + 1) * sizeof *examples);
    int failed = !result || !hashes || !examples || (uint64_t)total > UINT32_MAX;
    for (Py_ssize_t i = 0; i < total && !failed; i++) hashes[i] = SEED;
    for (int n = 1; n <= high && !failed; n++) {
        Py_ssize_t found = 0;
        PyThreadState *thread = PyEval_SaveThread();
        Counted counted = {0};
        failed = make_counted(&counted, 12) < 0;
        for (Py_ssize_t i = 0, at = 0; i < texts.count && !failed; i++)
            for (; at < texts.ends[i] && !failed; at++) {
                if (at + n > texts.ends[i]) hashes[at] = 0;
                if (!hashes[at]) continue;
                hashes[at] = extended(hashes[at], texts.units[at + n - 1]);
                failed = count_one(&counted, hashes[at], (uint32_t)(i + 1)) < 0;
            }
        for (Py_ssize_t at = 0; at < total && !failed; at++) {
            if (!hashes[at]) continue;
            uint64_t slot = counted_slot(&counted, hashes[at]);
            if (counted.comments[slot] < fewest)
                hashes[at] = 0;
            else if (counted.last[slot]) {
                counted.last[slot] = 0; /* it has its example */
                for (int k = 0; k < n; k++)
                    if (texts.units[at + k] != SPACE) {
                        examples[found++] = (uint32_t)at;
                        break;
                    }
            }
        }
        free_counted(&counted);
        PyEval_RestoreThread(thread);
        if (failed) break;
        PyObject *units = PyByteArray_FromStringAndSize(NULL, found * n * sizeof(uint32_t));
        failed = !units || PyList_Append(result, units) < 0;
        if (!failed) {
            uint32_t *out = (uint32_t *)PyByteArray_AsString(units);
            for (Py_ssize_t i = 0; i < found; i++, out += n) memcpy(out, texts.units + examples[i], n * sizeof *out);
        }
        Py_XDECREF(units);
    }
    free(hashes);
    free(examples);
    free_texts(&texts);
    if (failed) {
        if (!PyErr_Occurred()) PyErr_NoMemory();
        Py_CLEAR(result);
    }
    return result;
}

static PyMethodDef table_methods[] = {
    {"ids", (PyCFunction)table_ids, METH_O, NULL},
    {"sums", (PyCFunction)table_sums, METH_VARARGS, NULL},
    {NULL}};
static PyType_Slot table_slots[] = {
    {Py_tp_new, table_new}, {Py_tp_dealloc, table_dealloc}, {Py_tp_methods, table_methods}, {0, NULL}};
static PyType_Spec table_spec = {"toxiclf.text._ngrams.Table", sizeof(Table), 0, Py_TPFLAGS_DEFAULT, table_slots};

static int execute(PyObject *module) {
    PyObject *type = PyType_FromSpec(&table_spec);
    int failed = !type || PyModule_AddObjectRef(module, "Table", type) < 0;
    Py_XDECREF(type);
    return failed ? -1 : 0;
}

static PyMethodDef functions[] = {{"learned", learned, METH_VARARGS, NULL}, {NULL}};
static PyModuleDef_Slot slots[] = {{Py_mod_exec, execute}, {0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_ngrams", NULL, 0, functions, slots};

PyMODINIT_FUNC PyInit__ngrams(void) { return PyModuleDef_Init(&definition); }
