/* A quick look at texts, which tells those that a slower step may change: the compiled part of prefilter.py.

   The global interpreter lock is released meanwhile. Python's limited API: one build serves every version from 3.11. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stdint.h>

#define MOST_UNITS (PY_SSIZE_T_MAX / 64) /* sizes in bytes do not overflow */
#define FAR 5         /* up to four fillers may be between two letters */
#define CODES 0x20000 /* code points with an entry in the table; those above share the last one */

typedef struct {
    const uint16_t *classes;
    const uint8_t *gaps, *pairs;
    const uint64_t *groups;
    Py_ssize_t count; /* of classes */
    Py_ssize_t longest_run;
} Rules;

static inline Py_ssize_t class_of(const Rules *rules, uint32_t code) {
    const Py_ssize_t number = rules->classes[code < CODES ? code : CODES - 1];
    return number < rules->count ? number : 0;
}

static inline uint8_t groups_of(const Rules *rules, Py_ssize_t before, Py_ssize_t after, int kind) {
    const Py_ssize_t pair = before * rules->count + after;
    return rules->pairs[pair] >> kind & 1 ? (uint8_t)(rules->groups[pair] >> 8 * kind) : 0;
}

/* The groups of the pairs of characters that a text holds; all of them if it holds too long a run of one character. */
static uint8_t groups_in(const Rules *rules, const uint32_t *codes, Py_ssize_t length) {
    const Py_ssize_t space = class_of(rules, ' ');
    Py_ssize_t last = space, run = 0;
    Py_ssize_t letter = 0, alone = 1; /* the last letter, and how many letters there are from the last gap on */
    int gap = 1, before = 0;          /* the gap since that letter, and the one in front of its word */
    uint8_t found = 0;
    for (Py_ssize_t i = 0; i <= length; i++) {
        Py_ssize_t now = space;
        if (i < length) {
            now = class_of(rules, codes[i]);
            run = i && codes[i] == codes[i - 1] ? run + 1 : 1;
            if (run > rules->longest_run) return UINT8_MAX;
        }
        found |= groups_of(rules, last, now, 0);
        last = now;
        if (rules->gaps[now] & 3) {
            gap |= rules->gaps[now];
            continue;
        }
        if (gap) {
            int kind = before && alone == 1 ? gap + 3 : gap;
            found |= groups_of(rules, letter, now, kind);
            before = gap;
            alone = 0;
        }
        for (Py_ssize_t far = 2, filler = letter; far <= FAR && far <= alone && rules->gaps[filler]; far++) {
            filler = class_of(rules, codes[i - far]);
            found |= groups_of(rules, filler, now, 7);
        }
        alone++;
        gap = 0;
        letter = now;
    }
    return found;
}

/* suspects(texts, classes, gaps, pairs, groups, longest_run, longest_text) -> bytearray of n bytes

   classes: uint16 (0x20000,), the class of each code point. gaps: uint8 (k,), for each class 0 if it is of letters, 1 of
   spaces, 2 of signs, 4 of letters that may be fillers. pairs: uint8 (k, k), bit 0 for two characters next to each other,
   and a bit for each kind of gap between two letters: 1 spaces, 2 signs, 3 both; 4 to 6 the same if the first letter is
   alone after another gap; 7 up to four fillers. groups: uint64 (k, k), a byte for each of these kinds, which is added to
   the result of a text that holds the pair. A text is read as if spaces were around it. */
static PyObject *suspects(PyObject *module, PyObject *args) {
    PyObject *list, *result = NULL;
    Py_buffer classes, gaps, pairs, groups;
    Py_ssize_t longest_run, longest_text;
    if (!PyArg_ParseTuple(
            args, "Oy*y*y*y*nn", &list, &classes, &gaps, &pairs, &groups, &longest_run, &longest_text))
        return NULL;
    uint32_t *codes = NULL;
    Py_ssize_t *ends = NULL;
    const Rules rules = {classes.buf, gaps.buf, pairs.buf, groups.buf, gaps.len, longest_run};
    if (!PyList_Check(list)) {
        PyErr_SetString(PyExc_TypeError, "texts must be a list");
        goto done;
    }
    const Py_ssize_t k = gaps.len;
    if (classes.len != CODES * 2 || k < 1 || k > 0x10000 || pairs.len != k * k || groups.len != 8 * k * k) {
        PyErr_SetString(PyExc_ValueError, "the tables do not fit each other");
        goto done;
    }
    for (Py_ssize_t i = 0; i < k; i++)
        if (rules.gaps[i] > 4 || rules.gaps[i] == 3) {
            PyErr_SetString(PyExc_ValueError, "a gap must be 0, 1, 2 or 4");
            goto done;
        }
    const Py_ssize_t count = PyList_Size(list);
    Py_ssize_t total = 0, at = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *text = PyList_GetItem(list, i);
        if (!PyUnicode_Check(text)) {
            PyErr_SetString(PyExc_TypeError, "texts must be strings");
            goto done;
        }
        const Py_ssize_t length = PyUnicode_GetLength(text);
        if (length > longest_text) continue;
        if (length > MOST_UNITS || total > MOST_UNITS) {
            PyErr_NoMemory();
            goto done;
        }
        total += length;
    }
    codes = PyMem_Malloc((total + 1) * sizeof *codes);
    ends = PyMem_Malloc((count + 1) * sizeof *ends);
    result = PyByteArray_FromStringAndSize(NULL, count);
    if (!codes || !ends || !result) {
        PyErr_NoMemory();
        Py_CLEAR(result);
        goto done;
    }
    uint8_t *found = (uint8_t *)PyByteArray_AsString(result);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *text = PyList_GetItem(list, i);
        const Py_ssize_t length = PyUnicode_GetLength(text);
        found[i] = length > longest_text ? UINT8_MAX : 0;
        if (!found[i]) {
            if (!PyUnicode_AsUCS4(text, codes + at, total + 1 - at, 0)) {
                Py_CLEAR(result);
                goto done;
            }
            at += length;
        }
        ends[i] = at;
    }
    PyThreadState *thread = PyEval_SaveThread();
    for (Py_ssize_t i = 0, begin = 0; i < count; begin = ends[i++])
        if (!found[i]) found[i] = groups_in(&rules, codes + begin, ends[i] - begin);
    PyEval_RestoreThread(thread);
done:
    PyMem_Free(codes);
    PyMem_Free(ends);
    PyBuffer_Release(&classes);
    PyBuffer_Release(&gaps);
    PyBuffer_Release(&pairs);
    PyBuffer_Release(&groups);
    return result;
}

static PyMethodDef methods[] = {{"suspects", suspects, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_prefilter", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__prefilter(void) { return PyModuleDef_Init(&definition); }
