#!/usr/bin/env python3
"""Turns the tables in data/ into C: dcm_tags.h, dcm_uids.h and dcm_dict_tables.h.

usage: gen_dict.py DATA_DIR OUT_DIR

How a keyword becomes a macro: a word begins at an upper-case letter that follows a lower-case letter
or a digit (after a digit only if a lower-case letter follows, so that 3D stays together), and at the
last upper-case letter of a run when a lower-case letter follows it, unless all that follows in the
word is a plural s. Words are joined by '_' and put in upper case:
    PatientName -> DCM_PATIENT_NAME          SOPInstanceUID -> DCM_SOP_INSTANCE_UID
    OtherPatientIDs -> DCM_OTHER_PATIENT_IDS   CTImageStorage -> DCM_UID_CT_IMAGE_STORAGE
Digits of a repeating group (60xx) are 0 in the macro. Where two tags share a keyword the current,
then the lower one has the macro.
"""
import csv
import re
import sys
from pathlib import Path

WORD = re.compile(
    r"(?<=[a-z])(?=[A-Z])"               # tN in PatientName
    r"|(?<=[0-9])(?=[A-Z][a-z])"         # 2P in Patient2Plan, not 3D
    r"|(?<=[A-Z])(?=[A-Z][a-z])(?![A-Z]s(?![a-z]))"  # PI in SOPInstance, not Ds in IDs
)


def macro(keyword):
    return WORD.sub("_", keyword).upper()


def c_str(text):
    out = []
    for byte in text.encode("utf-8"):
        if byte in (0x22, 0x5C):
            out.append("\\" + chr(byte))
        elif 0x20 <= byte < 0x7F:
            out.append(chr(byte))
        else:
            out.append("\\%03o" % byte)
    return '"' + "".join(out).replace("??", '?""?') + '"'


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        lines = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        head = next(lines)
        for line in lines:
            yield dict(zip(head, line))


def vr_pair(text):
    parts = re.split(r"/| or |_", text)
    return "DCM_VR_" + parts[0], "DCM_VR_" + (parts[1] if len(parts) > 1 else "NONE")


def tag_and_mask(text):
    digits = text.replace(",", "")
    return (int(re.sub("[xX]", "0", digits), 16),
            int(re.sub("[^*]", "f", re.sub("[xX]", "*", digits)).replace("*", "0"), 16))


class Texts:
    """All texts of the dictionary, one after another, each once; entries say where theirs begins."""

    def __init__(self):
        self.at, self.bytes = {}, 0

    def __call__(self, text):
        if text not in self.at:
            self.at[text] = self.bytes
            self.bytes += len(text.encode("utf-8")) + 1
        return self.at[text]

    def write(self, out):
        for keyword in ("GroupLength", "PrivateCreator"):
            name = WORD.sub(" ", keyword)
            out.write("enum { DICT_TEXT_%s_KEYWORD = %d, DICT_TEXT_%s = %d };\n"
                      % (macro(keyword), self(keyword), macro(keyword), self(name)))
        out.write("static const char dict_text[] =\n")
        out.writelines(c_str(text) + '"\\0"\n' for text in self.at)
        out.write(";\n\n")


texts = Texts()


def entry(tag, vr, keyword, name, vm, retired):
    first, second = vr_pair(vr)
    return "{ 0x%08x, %s, %s, %s, %s, %d, %d }," % (
        tag, first, second, "true" if retired else "false", c_str(vm), texts(keyword), texts(name))


def read_dictionary(path):
    exact, masked = {}, []
    for r in rows(path):
        tag, mask = tag_and_mask(r["tag"])
        item = (tag, r["vr"], r["keyword"], r["name"], r["vm"], r["retired"] == "Y")
        if mask != 0xFFFFFFFF:
            masked.append((mask, item))
        elif tag not in exact:
            exact[tag] = item
    return [exact[t] for t in sorted(exact)], sorted(masked, key=lambda m: m[1][0])


def read_private(path):
    """{creator: {(group, element): item}}; lines that name no block are the creator's own oddities."""
    creators = {}
    for r in rows(path):
        if not re.fullmatch("[0-9A-Fa-f]{4}", r["group"]):
            continue
        if not re.fullmatch("xx[0-9A-Fa-f]{2}|00[0-9A-Fa-f]{2}", r["element"]):
            continue
        tag = int(r["group"], 16) << 16 | int(r["element"][2:], 16)
        mine = creators.setdefault(r["private_creator"], {})
        if tag not in mine or r["element"].startswith("xx"):
            mine[tag] = (tag, r["vr"], "", r["name"], r["vm"], False)
    return creators


def uid_kind(r):
    if r["type"] == "Transfer Syntax":
        return "DCM_UID_TRANSFER_SYNTAX"
    if r["type"] not in ("SOP Class", "Meta SOP Class"):
        return "DCM_UID_OTHER"
    name = r["name"]
    storage = (re.search(r"Storage\b", name) and "Storage Commitment" not in name
               and "Media Storage Directory" not in name and r["type"] == "SOP Class")
    return "DCM_UID_STORAGE_CLASS" if storage else "DCM_UID_SOP_CLASS"


def write_tags(path, entries):
    seen = {}
    for item in sorted(entries, key=lambda e: (e[5], e[0])):
        if item[2] and item[0] >> 16 != 0xFFFE:  # items and delimiters are in dcm_tag.h
            seen.setdefault(macro(item[2]), item)
    with open(path, "w", encoding="ascii") as out:
        out.write("/* dcm_tags.h: generated by tools/gen_dict.py from data/data_dictionary.tsv. */\n"
                  "#ifndef DCM_TAGS_H\n#define DCM_TAGS_H\n\n#include \"dcm_tag.h\"\n\n")
        for name, item in sorted(seen.items(), key=lambda s: s[1][0]):
            out.write("#define DCM_%s DCM_TAG(0x%04x, 0x%04x)\n"
                      % (name, item[0] >> 16, item[0] & 0xFFFF))
        out.write("\n#endif\n")


def write_uids(path, uids):
    seen = {}
    for r in sorted(uids, key=lambda u: u["retired"]):
        if r["keyword"]:
            seen.setdefault(macro(r["keyword"]), r["uid"])
    with open(path, "w", encoding="ascii") as out:
        out.write("/* dcm_uids.h: generated by tools/gen_dict.py from data/uids.tsv. */\n"
                  "#ifndef DCM_UIDS_H\n#define DCM_UIDS_H\n\n")
        for name, uid in sorted(seen.items(), key=lambda s: s[0]):
            out.write('#define DCM_UID_%s "%s"\n' % (name, uid))
        out.write("\n#endif\n")


def write_public(out, exact, masked):
    out.write("static const struct dcm_dict_entry dict_public[] = {\n")
    for item in exact:
        out.write(entry(*item) + "\n")
    out.write("};\n\n/* The same tags alone: what the search walks over. */\n"
              "static const dcm_tag dict_tags[] = {\n")
    for item in exact:
        out.write("0x%08x,\n" % item[0])
    out.write("};\n\nstatic const struct dict_repeating dict_repeating[] = {\n")
    for mask, item in masked:
        out.write("{ 0x%08x, %s },\n" % (mask, entry(*item).rstrip(",")))
    out.write("};\n\n/* Indices by keyword; those of repeating groups follow the exact ones. */\n"
              "static const uint16_t dict_keywords[] = {\n")
    keyed = {}
    numbered = exact + [m[1] for m in masked]
    for i, item in sorted(enumerate(numbered), key=lambda n: (n[1][5], n[1][0])):
        if item[2]:
            keyed.setdefault(item[2], i)
    for keyword in sorted(keyed):
        out.write("%d,\n" % keyed[keyword])
    out.write("};\n\n")


def write_private(out, creators):
    out.write("static const struct dcm_dict_entry dict_private[] = {\n")
    spans, at = [], 0
    for creator in sorted(creators, key=lambda c: c.encode("utf-8")):
        mine = creators[creator]
        for tag in sorted(mine):
            out.write(entry(*mine[tag]) + "\n")
        spans.append((creator, at, len(mine)))
        at += len(mine)
    out.write("};\n\nstatic const struct dict_creator dict_creators[] = {\n")
    for creator, first, count in spans:
        out.write("{ %s, %d, %d },\n" % (c_str(creator), first, count))
    out.write("};\n\n")


def write_syntaxes(out, syntaxes):
    def flag(cell):
        return "true" if cell in ("Y", "maybe") else "false"
    syntaxes = sorted(syntaxes, key=lambda s: s["uid"])
    order = [r["uid"] for r in syntaxes]
    named = {"IMPLICIT_LE": "1.2.840.10008.1.2", "EXPLICIT_LE": "1.2.840.10008.1.2.1",
             "EXPLICIT_BE": "1.2.840.10008.1.2.2", "DEFLATED_LE": "1.2.840.10008.1.2.1.99"}
    out.write("enum {\n")
    for name, uid in named.items():
        out.write("DICT_%s = %d,\n" % (name, order.index(uid)))
    out.write("};\n\nstatic const struct dcm_syntax dict_syntaxes[] = {\n")
    for r in syntaxes:
        out.write("{ %s, %s, %s, %s, %s, %s, %s, %s, %s },\n" % (
            c_str(r["uid"]), c_str(r["name"]), flag(r["explicit_vr"]),
            "true" if r["byte_order"] == "BE" else "false", flag(r["deflated_dataset"]),
            flag(r["encapsulated_pixel_data"]), flag(r["video"]), flag(r["lossy"]),
            c_str(r["frame_media_type"])))
    out.write("};\n")


def main():
    data, build = Path(sys.argv[1]), Path(sys.argv[2])
    exact, masked = read_dictionary(data / "data_dictionary.tsv")
    uids = sorted(rows(data / "uids.tsv"), key=lambda r: r["uid"])
    write_tags(build / "dcm_tags.h", exact + [m[1] for m in masked])
    write_uids(build / "dcm_uids.h", uids)
    with open(build / "dcm_dict_tables.h", "w", encoding="ascii") as out:
        out.write("/* dcm_dict_tables.h: generated by tools/gen_dict.py; for dcm_dict.c alone. */\n")
        write_public(out, exact, masked)
        write_private(out, read_private(data / "private_dictionary.tsv"))
        texts.write(out)
        out.write("static const struct dcm_uid_entry dict_uids[] = {\n")
        for r in uids:
            out.write("{ %s, %s, %s, %s, %s },\n" % (
                c_str(r["uid"]), c_str(r["name"]), c_str(r["keyword"]), uid_kind(r),
                "true" if r["retired"] == "Y" else "false"))
        out.write("};\n\n")
        write_syntaxes(out, rows(data / "transfer_syntaxes.tsv"))


if __name__ == "__main__":
    main()
