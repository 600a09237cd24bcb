/* Logistic regressions over 0/1 rows of n-grams: the compiled twin of liblinear in _ngram_regression.py, which is the reference.

   Dual coordinate descent (Yu, Huang and Lin 2011, algorithm 5; solver 7 of liblinear). liblinear takes one regression at
   a time, and a copy of the matrix with 16 bytes for each value. Here all regressions read the same ids once, with what is
   their own, the factor of each n-gram, in one table. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BLOCKS 8
#define MOST_LANES 16 /* regressions at once; a multiple of LANES */
#define LANES 4
#define MOST_STEPS 100 /* Newton steps for one row in one round */

/* Columns side by side, such as those of jamo and of syllables: a value is 0 or the scale of its row. */
typedef struct {
    const int64_t *starts;
    const int32_t *columns;
    const float *scales;
    int64_t first; /* column in the table */
} Block;

typedef struct {
    int64_t rows, n_blocks;
    Block blocks[MOST_BLOCKS];
    const int8_t *signs;  /* (rows, lanes): 1 or -1 */
    const double *costs;  /* (rows, lanes) */
    float *table;         /* (columns, 2, lanes): coefficients, which include the factors; squared factors */
    double *intercepts;   /* (lanes) */
    double tolerance;
    int lanes, used, rounds;
    uint64_t seed;
} Problem;

typedef struct {
    double *alphas; /* (rows, lanes, 2) */
    float *squares; /* (rows, lanes): squared length of each row */
    int64_t *order;
} State;

/* SplitMix64 */
static uint64_t drawn(uint64_t *seed) {
    uint64_t z = (*seed += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static void shuffle(int64_t *order, int64_t count, uint64_t *seed) {
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t j = (int64_t)(drawn(seed) % (uint64_t)(i + 1)), other = order[i];
        order[i] = order[j];
        order[j] = other;
    }
}

/* Minimize the dual over one row's pair of variables; return the change of the row's weight, 0 for none. */
static double step_of(double *alphas, double cost, double square, double margin, double inner, double *gap, int64_t *steps) {
    int is_second = 0.5 * square * (alphas[1] - alphas[0]) + margin < 0;
    double sign = is_second ? -1 : 1, old = alphas[is_second], z = old;
    if (cost - z < 0.5 * cost) z *= 0.1;
    double slope = square * (z - old) + sign * margin + log(z / (cost - z));
    if (fabs(slope) > *gap) *gap = fabs(slope);
    int step = 0;
    for (; step <= MOST_STEPS && fabs(slope) >= inner; step++) {
        double next = z - slope / (square + cost / (cost - z) / z);
        z = next <= 0 ? 0.1 * z : next;
        slope = square * (z - old) + sign * margin + log(z / (cost - z));
    }
    *steps += step;
    if (!step) return 0;
    alphas[is_second] = z;
    alphas[!is_second] = cost - z;
    return sign * (z - old);
}

/* `lanes` is a constant where this is inlined, so that sums of all lanes stay in registers. */
static inline __attribute__((always_inline)) void add_row(
    const Problem *p, const int lanes, int64_t row, const double *steps, double *squares) {
    for (int64_t b = 0; b < p->n_blocks; b++) {
        const Block *block = p->blocks + b;
        float *table = p->table + block->first * 2 * lanes, scale = block->scales[row], scaled[MOST_LANES], sums[MOST_LANES];
        for (int k = 0; k < lanes; k++) {
            scaled[k] = (float)steps[k] * scale;
            sums[k] = 0;
        }
        for (int64_t at = block->starts[row]; at < block->starts[row + 1]; at++) {
            float *cell = table + (int64_t)block->columns[at] * 2 * lanes;
            for (int k = 0; k < lanes; k++) {
                cell[k] += scaled[k] * cell[lanes + k];
                if (squares) sums[k] += cell[lanes + k];
            }
        }
        if (squares)
            for (int k = 0; k < lanes; k++) squares[k] += (double)scale * scale * sums[k];
    }
}

/* Rows are read in random order, so the processor cannot foresee where the next one begins: 1.4 times as fast for one label. */
static void fetch_row(const Problem *p, int64_t row) {
    for (int64_t b = 0; b < p->n_blocks; b++)
        for (int64_t at = p->blocks[b].starts[row]; at < p->blocks[b].starts[row + 1]; at += 16)
            __builtin_prefetch(p->blocks[b].columns + at);
}

static inline __attribute__((always_inline)) int solve(Problem *p, const int lanes, State *state) {
    double steps[MOST_LANES], margins[MOST_LANES], gaps[MOST_LANES], inner[MOST_LANES];
    int64_t newton[MOST_LANES];
    int is_done[MOST_LANES], left = p->used, round = 0;
    for (int k = 0; k < lanes; k++) {
        inner[k] = 1e-2;
        p->intercepts[k] = 0;
        is_done[k] = k >= p->used;
    }
    for (int64_t row = 0; row < p->rows; row++) {
        double squares[MOST_LANES];
        state->order[row] = row;
        for (int k = 0; k < lanes; k++) {
            double cost = p->costs[row * lanes + k], first = fmin(0.001 * cost, 1e-8);
            double *alphas = state->alphas + (row * lanes + k) * 2;
            alphas[0] = first;
            alphas[1] = cost - first;
            steps[k] = is_done[k] ? 0 : first * p->signs[row * lanes + k];
            p->intercepts[k] += steps[k];
            squares[k] = 1; /* the column of the intercept */
        }
        add_row(p, lanes, row, steps, squares);
        for (int k = 0; k < lanes; k++) state->squares[row * lanes + k] = (float)squares[k];
    }
    for (; round < p->rounds && left; round++) {
        shuffle(state->order, p->rows, &p->seed);
        for (int k = 0; k < lanes; k++) gaps[k] = newton[k] = 0;
        for (int64_t i = 0; i < p->rows; i++) {
            int64_t row = state->order[i];
            if (i + 1 < p->rows) fetch_row(p, state->order[i + 1]);
            for (int k = 0; k < lanes; k++) margins[k] = p->intercepts[k];
            for (int64_t b = 0; b < p->n_blocks; b++) {
                const Block *block = p->blocks + b;
                const float *table = p->table + block->first * 2 * lanes;
                float sums[MOST_LANES];
                for (int k = 0; k < lanes; k++) sums[k] = 0;
                for (int64_t at = block->starts[row]; at < block->starts[row + 1]; at++) {
                    const float *cell = table + (int64_t)block->columns[at] * 2 * lanes;
                    for (int k = 0; k < lanes; k++) sums[k] += cell[k];
                }
                for (int k = 0; k < lanes; k++) margins[k] += (double)block->scales[row] * sums[k];
            }
            int is_changed = 0;
            for (int k = 0; k < lanes; k++) {
                int64_t at = row * lanes + k;
                steps[k] = 0;
                if (is_done[k] || p->costs[at] <= 0) continue; /* a class with weight 0 is left out */
                double step = step_of(
                    state->alphas + 2 * at, p->costs[at], state->squares[at], p->signs[at] * margins[k], inner[k], gaps + k,
                    newton + k);
                steps[k] = step * p->signs[at];
                p->intercepts[k] += steps[k];
                is_changed |= step != 0;
            }
            if (is_changed) add_row(p, lanes, row, steps, NULL);
        }
        for (int k = 0; k < lanes; k++) {
            if (is_done[k]) continue;
            if (gaps[k] < p->tolerance) {
                is_done[k] = 1;
                left--;
            } else if (newton[k] <= p->rows / 10)
                inner[k] = fmax(fmin(1e-8, p->tolerance), 0.1 * inner[k]);
        }
    }
    return round;
}

static int solve_lanes(Problem *p, State *state) {
    switch (p->lanes) {
        case 1: return solve(p, 1, state);
        case 4: return solve(p, 4, state);
        case 8: return solve(p, 8, state);
        case 12: return solve(p, 12, state);
        default: return solve(p, 16, state);
    }
}

/* Read the blocks, each (starts int64, columns int32, scales float32); return their number of columns, or -1. */
static int64_t read_blocks(Problem *p, PyObject *list, const int64_t *widths, Py_buffer *buffers) {
    int64_t width = 0;
    for (int64_t b = 0; b < p->n_blocks; b++) {
        Py_buffer *of = buffers + 3 * b;
        Block *block = p->blocks + b;
        if (!PyArg_ParseTuple(PyList_GetItem(list, b), "y*y*y*", of, of + 1, of + 2)) return -1;
        block->starts = of[0].buf;
        block->columns = of[1].buf;
        block->scales = of[2].buf;
        block->first = width;
        width += widths[b];
        int fits = of[0].len == (p->rows + 1) * 8 && of[2].len == p->rows * 4 && widths[b] >= 0 && block->starts[0] == 0 &&
                   widths[b] <= INT32_MAX && of[1].len % 4 == 0;
        for (int64_t row = 0; fits && row < p->rows; row++) fits = block->starts[row] <= block->starts[row + 1];
        fits = fits && block->starts[p->rows] == of[1].len / 4;
        for (int64_t at = 0; fits && at < of[1].len / 4; at++) fits = block->columns[at] >= 0 && block->columns[at] < widths[b];
        if (!fits) {
            PyErr_SetString(PyExc_ValueError, "a block must have a start and a scale for each row, and columns of its width");
            return -1;
        }
    }
    return width;
}

/* fit(blocks, widths, factors, signs, costs, regressions, tolerance, rounds, seed) -> (coefficients, intercepts, rounds)

   widths int64 (blocks), factors float64 (columns, regressions), signs int8 and costs float64 (rows, regressions);
   coefficients float32 (columns, regressions), intercepts float64 (regressions). */
static PyObject *fit(PyObject *module, PyObject *args) {
    PyObject *list, *result = NULL;
    Py_buffer widths = {0}, factors = {0}, signs = {0}, costs = {0}, buffers[3 * MOST_BLOCKS];
    memset(buffers, 0, sizeof buffers);
    Problem p = {0};
    State state = {0};
    double intercepts[MOST_LANES], *padded = NULL;
    int8_t *padded_signs = NULL;
    unsigned long long seed;
    int64_t total = -1;
    if (!PyArg_ParseTuple(args, "O!y*y*y*y*idiK", &PyList_Type, &list, &widths, &factors, &signs, &costs, &p.used, &p.tolerance,
                          &p.rounds, &seed))
        return NULL;
    p.n_blocks = PyList_Size(list);
    p.seed = seed;
    p.rows = p.used > 0 ? signs.len / p.used : 0;
    if (p.used < 1 || p.used > MOST_LANES || p.n_blocks > MOST_BLOCKS || widths.len != p.n_blocks * 8 ||
        signs.len != p.rows * p.used || costs.len != p.rows * p.used * 8) {
        PyErr_SetString(PyExc_ValueError, "signs and costs must have a value for each row and regression");
        goto done;
    }
    total = read_blocks(&p, list, widths.buf, buffers);
    if (total < 0) goto done;
    if (factors.len != total * p.used * 8) {
        PyErr_SetString(PyExc_ValueError, "factors must have a value for each column and regression");
        goto done;
    }
    p.lanes = p.used == 1 ? 1 : (p.used + LANES - 1) / LANES * LANES;
    size_t cells = (size_t)p.rows * p.lanes;
    p.table = calloc((size_t)total * 2 * p.lanes + 1, sizeof(float));
    padded = calloc(cells + 1, sizeof(double));
    padded_signs = calloc(cells + 1, 1);
    state.alphas = malloc((2 * cells + 1) * sizeof(double));
    state.squares = malloc((cells + 1) * sizeof(float));
    state.order = malloc((p.rows + 1) * sizeof(int64_t));
    if (!p.table || !padded || !padded_signs || !state.alphas || !state.squares || !state.order) {
        PyErr_NoMemory();
        goto done;
    }
    p.costs = padded;
    p.signs = padded_signs;
    p.intercepts = intercepts;
    PyThreadState *thread = PyEval_SaveThread();
    for (int64_t row = 0; row < p.rows; row++)
        for (int k = 0; k < p.used; k++) {
            padded[row * p.lanes + k] = ((double *)costs.buf)[row * p.used + k];
            padded_signs[row * p.lanes + k] = ((int8_t *)signs.buf)[row * p.used + k];
        }
    for (int64_t column = 0; column < total; column++)
        for (int k = 0; k < p.used; k++) {
            double factor = ((double *)factors.buf)[column * p.used + k];
            p.table[(column * 2 + 1) * p.lanes + k] = (float)(factor * factor);
        }
    int rounds = solve_lanes(&p, &state);
    PyEval_RestoreThread(thread);
    PyObject *coefficients = PyByteArray_FromStringAndSize(NULL, total * p.used * sizeof(float));
    if (!coefficients) goto done;
    float *out = (float *)PyByteArray_AsString(coefficients);
    for (int64_t column = 0; column < total; column++, out += p.used)
        memcpy(out, p.table + column * 2 * p.lanes, p.used * sizeof(float));
    result = Py_BuildValue("(Ny#i)", coefficients, (char *)intercepts, (Py_ssize_t)(p.used * sizeof(double)), rounds);
done:
    free(p.table);
    free(padded);
    free(padded_signs);
    free(state.alphas);
    free(state.squares);
    free(state.order);
    for (int b = 0; b < 3 * MOST_BLOCKS; b++) PyBuffer_Release(buffers + b);
    PyBuffer_Release(&widths);
    PyBuffer_Release(&factors);
    PyBuffer_Release(&signs);
    PyBuffer_Release(&costs);
    return result;
}

static PyMethodDef functions[] = {{"fit", fit, METH_VARARGS, NULL}, {NULL}};
static PyModuleDef_Slot slots[] = {{0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_regression", NULL, 0, functions, slots};

PyMODINIT_FUNC PyInit__regression(void) { return PyModuleDef_Init(&definition); }
