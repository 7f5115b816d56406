/* dcm_vr.c: what PS3.5 §6.2 says of each value representation, as one table. */
#include "dcm_vr.h"

enum { SHORT = 0, LONG = 1, CHARSET = 2, LIST = 4, TEXT = 8 };

#define VR(name, unit, flags, pad, max)                                                            \
    [DCM_VR_##name] = { #name,                                                                     \
                        unit,                                                                      \
                        ((flags)&LONG) != 0,                                                       \
                        ((flags)&TEXT) != 0,                                                       \
                        ((flags)&CHARSET) != 0,                                                    \
                        ((flags)&LIST) != 0,                                                       \
                        pad,                                                                       \
                        max }

static const struct dcm_vr_info infos[DCM_VR_COUNT] = {
    [DCM_VR_NONE] = { "", 1, true, false, false, false, 0, 0 },
    VR(AE, 1, TEXT | LIST, ' ', 16),
    VR(AS, 1, TEXT | LIST, ' ', 4),
    VR(AT, 2, SHORT, 0, 4),
    VR(CS, 1, TEXT | LIST, ' ', 16),
    VR(DA, 1, TEXT | LIST, ' ', 18),
    VR(DS, 1, TEXT | LIST, ' ', 16),
    VR(DT, 1, TEXT | LIST, ' ', 54),
    VR(FL, 4, SHORT, 0, 4),
    VR(FD, 8, SHORT, 0, 8),
    VR(IS, 1, TEXT | LIST, ' ', 12),
    VR(LO, 1, TEXT | LIST | CHARSET, ' ', 64),
    VR(LT, 1, TEXT | CHARSET, ' ', 10240),
    VR(OB, 1, LONG, 0, 0),
    VR(OD, 8, LONG, 0, 0),
    VR(OF, 4, LONG, 0, 0),
    VR(OL, 4, LONG, 0, 0),
    VR(OV, 8, LONG, 0, 0),
    VR(OW, 2, LONG, 0, 0),
    VR(PN, 1, TEXT | LIST | CHARSET, ' ', 194), /* three groups of 64 and two '=' */
    VR(SH, 1, TEXT | LIST | CHARSET, ' ', 16),
    VR(SL, 4, SHORT, 0, 4),
    VR(SQ, 1, LONG, 0, 0),
    VR(SS, 2, SHORT, 0, 2),
    VR(ST, 1, TEXT | CHARSET, ' ', 1024),
    VR(SV, 8, LONG, 0, 8),
    VR(TM, 1, TEXT | LIST, ' ', 28),
    VR(UC, 1, LONG | TEXT | LIST | CHARSET, ' ', 0),
    VR(UI, 1, TEXT | LIST, 0, 64),
    VR(UL, 4, SHORT, 0, 4),
    VR(UN, 1, LONG, 0, 0),
    VR(UR, 1, LONG | TEXT, ' ', 0),
    VR(US, 2, SHORT, 0, 2),
    VR(UT, 1, LONG | TEXT | CHARSET, ' ', 0),
    VR(UV, 8, LONG, 0, 8),
};

const struct dcm_vr_info *dcm_vr_info(enum dcm_vr vr)
{
    return &infos[(unsigned)vr < DCM_VR_COUNT ? vr : DCM_VR_NONE];
}

#define PAIR(first, second) ((unsigned)(first) << 8 | (unsigned)(second))
#define CASE(name, a, b)                                                                           \
    case PAIR(a, b):                                                                               \
        return DCM_VR_##name

enum dcm_vr dcm_vr_of(char first, char second)
{
    switch (PAIR((unsigned char)first, (unsigned char)second)) {
        CASE(AE, 'A', 'E');
        CASE(AS, 'A', 'S');
        CASE(AT, 'A', 'T');
        CASE(CS, 'C', 'S');
        CASE(DA, 'D', 'A');
        CASE(DS, 'D', 'S');
        CASE(DT, 'D', 'T');
        CASE(FL, 'F', 'L');
        CASE(FD, 'F', 'D');
        CASE(IS, 'I', 'S');
        CASE(LO, 'L', 'O');
        CASE(LT, 'L', 'T');
        CASE(OB, 'O', 'B');
        CASE(OD, 'O', 'D');
        CASE(OF, 'O', 'F');
        CASE(OL, 'O', 'L');
        CASE(OV, 'O', 'V');
        CASE(OW, 'O', 'W');
        CASE(PN, 'P', 'N');
        CASE(SH, 'S', 'H');
        CASE(SL, 'S', 'L');
        CASE(SQ, 'S', 'Q');
        CASE(SS, 'S', 'S');
        CASE(ST, 'S', 'T');
        CASE(SV, 'S', 'V');
        CASE(TM, 'T', 'M');
        CASE(UC, 'U', 'C');
        CASE(UI, 'U', 'I');
        CASE(UL, 'U', 'L');
        CASE(UN, 'U', 'N');
        CASE(UR, 'U', 'R');
        CASE(US, 'U', 'S');
        CASE(UT, 'U', 'T');
        CASE(UV, 'U', 'V');
    default:
        return DCM_VR_NONE;
    }
}
