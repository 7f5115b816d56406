/* img_wave.h: waveforms on paper: ECG, hemodynamic, EEG, respiratory curves, and what sound looks
 * like, as SVG and as a picture.   PS3.3 §C.10.9, §C.10.10; PS3.17 Annex C
 * ECG is on the usual paper: 25 mm/s, 10 mm/mV, a line each millimetre; the twelve leads in 3 rows of
 * 4 and a rhythm strip below, others one below the other. Other signals take the round speed and gain
 * that show them whole, with the time below and each channel's range beside it. */
#ifndef IMG_WAVE_H
#define IMG_WAVE_H

#include "dcm_dataset.h"
#include "img.h"
#include "iso_buf.h"

enum {
    IMG_WAVE_GROUPS_MAX   = 64,
    IMG_WAVE_CHANNELS_MAX = 1024, /* of a group */
    IMG_WAVE_ROWS_MAX     = 64,   /* of a page; it says what it leaves out */
    IMG_WAVE_NOTES_MAX    = 64
};

enum img_wave_coding { /* Waveform Sample Interpretation.   PS3.3 §C.10.9.1.5 */
                       IMG_WAVE_S8,
                       IMG_WAVE_U8,
                       IMG_WAVE_S16,
                       IMG_WAVE_U16,
                       IMG_WAVE_S32,
                       IMG_WAVE_U32,
                       IMG_WAVE_UNKNOWN /* mu-law, A-law and others: named, not drawn */
};

struct img_wave_channel {
    iso_str label; /* "II", "Fp1" */
    iso_str unit;  /* "mV"; empty: stored units */
    double  scale; /* value in unit = sample * scale + baseline */
    double  baseline;
    double  low_hz, high_hz, notch_hz; /* filters; 0: not said */
};

/* A multiplex group. */
struct img_wave_group {
    iso_str                        label;
    double                         frequency; /* samples per second, > 0 */
    size_t                         samples;   /* per channel, all of them in data */
    size_t                         channels;
    const struct img_wave_channel *channel;
    enum img_wave_coding           coding;
    iso_str                        coding_text; /* as it is stored, such as "MB" */
    bool                           has_padding;
    double                         padding; /* a stored value that is no sample */
    iso_bytes                      data;    /* little endian, sample by sample, by channel */
};

struct img_wave {
    bool                         is_ecg;
    iso_str                      title;
    iso_str                      head[2]; /* who, when; UTF-8, not escaped, like all text here */
    const struct img_wave_group *group;
    size_t                       groups;
    iso_str                      note[IMG_WAVE_NOTES_MAX]; /* annotations */
    size_t                       notes;
};

/* The bytes of Waveform Data (5400,1010), little endian; borrowed until the waveform is done with. */
typedef int img_wave_data(void *ctx, const struct dcm_element *el, iso_bytes *out,
                          struct iso_err *err);

/* Reads it; what is built lives in the arena. Groups that end early are as long as their data.
 * ISO_EUNSUPPORTED: there is no waveform in it; ISO_ELIMIT; what data says. */
ISO_MUST_USE int img_wave_read(const struct dcm_dataset *ds, img_wave_data *data, void *ctx,
                               struct iso_arena *arena, struct img_wave *out, struct iso_err *err);

/* Sample number i of a channel in its unit; false: padding. */
bool img_wave_value(const struct img_wave_group *group, size_t channel, size_t i, double *out);

/* The page as SVG, in its real size. Appends. No script, no reference to anything outside. */
ISO_MUST_USE int img_wave_svg(const struct img_wave *wave, struct iso_buf *out,
                              struct iso_err *err);
/* The page as a picture that fits in the box; 0: 8 pixels a millimetre. */
ISO_MUST_USE int img_wave_picture(const struct img_wave *wave, uint32_t box_width,
                                  uint32_t box_height, struct img_picture *out,
                                  struct iso_err *err);

#endif
