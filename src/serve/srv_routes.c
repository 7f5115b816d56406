/* srv_routes.c: every URL of DICOMweb in one table; OpenAPI is generated from it.   PS3.18 §10 */
#include "srv_dicomweb.h"
#include "srv_render.h"

#define JSON_OR_XML "application/dicom+json, multipart/related"
#define FRAME_TYPES "multipart/related, application/octet-stream"

static const struct http_query_doc search_query[] = {
    { "limit", "integer", "Most results to return" },
    { "offset", "integer", "Results to leave out before the first" },
    { "fuzzymatching", "boolean", "Match person names by sound" },
    { "anycase", "boolean", "Match patterns of any text without case, as those of names" },
    { "includefield", "array", "Attributes to return besides the usual ones, or all" },
    { "orderby", "array", "Attributes to sort by; a leading - sorts downwards" },
    { "totalcount", "boolean", "Tell the number of all matches in X-Total-Count" },
    { "PatientName", "string", "Any attribute, by keyword, tag or path (a.b), is a matching key" },
};

static const struct http_query_doc picture_query[] = {
    { "accept", "string", "A media type, instead of the header" },
    { "viewport", "string",
      "Width and height to fit in; then left, top, width and height of the part of the image to "
      "show, a width or height below 0 mirroring it" },
    { "window", "string", "Center, width and linear, linear-exact or sigmoid, apart by commas" },
    { "quality", "integer", "Of JPEG and WebP, 1 to 100" },
    { "annotation", "string", "patient, technique or both, to be burned in" },
    { "iccprofile", "string", "no, yes, srgb, adobergb or rommrgb" },
    { "bitDepth", "integer", "16: PNG with all levels of grey" },
    { "overlays", "string", "no: without overlays and shutters" },
};

static const struct http_query_doc object_query[] = {
    { "accept", "string", "Media types, instead of the header" },
    { "dicomdir", "boolean", "Of application/zip: files named for discs, with a DICOMDIR" },
    { "deidentify", "string", "Of application/zip: basic for the profile of PS3.15 Annex E" },
    { "retain", "array", "With deidentify: what to keep of uids, device, institution, patient" },
    { "dates", "string", "With deidentify: remove (the default), shift or keep" },
    { "pixels", "string", "With deidentify: drop (the default) or keep pixels that may show text" },
    { "pseudonym", "string",
      "With deidentify: 8 to 256 characters; the same ones give the same UIDs and patient IDs" },
};

static const struct http_query_doc uri_query[] = {
    { "requestType", "string", "WADO" },
    { "studyUID", "string", "Study Instance UID" },
    { "seriesUID", "string", "Series Instance UID" },
    { "objectUID", "string", "SOP Instance UID" },
    { "contentType", "string", "Media types, the best first; application/dicom for the object" },
    { "frameNumber", "integer", "From 1" },
    { "rows", "integer", "Height to fit in" },
    { "columns", "integer", "Width to fit in" },
    { "region", "string", "Left, top, right, bottom of the part to show, each from 0.0 to 1.0" },
    { "windowCenter", "number", "With windowWidth" },
    { "windowWidth", "number", "With windowCenter" },
    { "imageQuality", "integer", "Of JPEG and WebP, 1 to 100" },
    { "annotation", "string", "patient, technique or both, to be burned in" },
};

#define SEARCH(pattern_, handler_, summary_)                                                       \
    {                                                                                              \
        .method = HTTP_GET, .pattern = (pattern_), .handler = (handler_), .summary = (summary_),   \
        .flags = HTTP_ROUTE_BRIEF, .response_type = JSON_OR_XML, .query = search_query,            \
        .query_count = sizeof search_query / sizeof *search_query                                  \
    }
#define GET(pattern_, handler_, flags_, type_, summary_)                                           \
    {                                                                                              \
        .method = HTTP_GET, .pattern = (pattern_), .handler = (handler_), .flags = (flags_),       \
        .response_type = (type_), .summary = (summary_)                                            \
    }
#define OBJECTS(pattern_, flags_, summary_)                                                        \
    {                                                                                              \
        .method = HTTP_GET, .pattern = (pattern_), .handler = srv_wado_objects, .flags = (flags_), \
        .response_type = OBJECT_TYPES, .summary = (summary_), .query = object_query,               \
        .query_count = sizeof object_query / sizeof *object_query                                  \
    }
#define PICTURE(pattern_, handler_, flags_, types_, summary_)                                      \
    {                                                                                              \
        .method = HTTP_GET, .pattern = (pattern_), .handler = (handler_), .flags = (flags_),       \
        .summary = (summary_), .response_type = (types_), .query = picture_query,                  \
        .query_count = sizeof picture_query / sizeof *picture_query                                \
    }
#define STORE(pattern_, summary_)                                                                  \
    {                                                                                              \
        .method = HTTP_POST, .pattern = (pattern_), .handler = srv_stow, .summary = (summary_),    \
        .flags = HTTP_ROUTE_LONG, .body_bytes_max = (uint64_t)8 << 30,                             \
        .request_type  = "multipart/related, application/dicom",                                   \
        .response_type = "application/dicom+json, application/dicom+xml"                           \
    }
#define REMOVE(pattern_, summary_)                                                                 \
    {                                                                                              \
        .method = HTTP_DELETE, .pattern = (pattern_), .handler = srv_remove, .summary = (summary_) \
    }
#define REJECT(pattern_)                                                                           \
    {                                                                                              \
        .method = HTTP_POST, .pattern = (pattern_), .handler = srv_reject,                         \
        .summary = "Reject objects by a rejection code, which removes them"                        \
    }

#define ROOT          "/dicom-web"
#define STUDY         ROOT "/studies/{study}"
#define SERIES        STUDY "/series/{series}"
#define INSTANCE      SERIES "/instances/{instance}"
#define FRAME         INSTANCE "/frames/{frames}"
#define PICTURE_TYPES "image/jpeg, image/png, image/webp, image/gif"
#define OBJECT_TYPES  "multipart/related, application/dicom, application/zip"

const struct http_route srv_dicomweb_routes[] = {
    SEARCH(ROOT "/studies", srv_qido_studies, "Search for studies"),
    SEARCH(ROOT "/series", srv_qido_series, "Search for series"),
    SEARCH(ROOT "/instances", srv_qido_instances, "Search for instances"),
    SEARCH(STUDY "/series", srv_qido_series, "Search for series of a study"),
    SEARCH(STUDY "/instances", srv_qido_instances, "Search for instances of a study"),
    SEARCH(SERIES "/instances", srv_qido_instances, "Search for instances of a series"),

    OBJECTS(STUDY, HTTP_ROUTE_LONG, "Retrieve a study"),
    OBJECTS(SERIES, HTTP_ROUTE_LONG, "Retrieve a series"),
    OBJECTS(INSTANCE, HTTP_ROUTE_BRIEF, "Retrieve an instance"),
    GET(STUDY "/metadata", srv_wado_metadata, 0, JSON_OR_XML, "Attributes of a study's instances"),
    GET(SERIES "/metadata", srv_wado_metadata, 0, JSON_OR_XML, "Attributes of a series' instances"),
    GET(INSTANCE "/metadata", srv_wado_metadata, 0, JSON_OR_XML, "Attributes of an instance"),
    GET(FRAME, srv_wado_frames, HTTP_ROUTE_BRIEF, FRAME_TYPES,
        "Retrieve frames, by number from 1, apart by commas"),
    GET(INSTANCE "/bulkdata/{path...}", srv_wado_bulk, 0, FRAME_TYPES,
        "Retrieve a bulk value, by the URI that the metadata gives"),
    PICTURE(STUDY "/rendered", srv_rendered, 0, PICTURE_TYPES,
            "A picture of a study: of one image of it"),
    PICTURE(SERIES "/rendered", srv_rendered, 0, PICTURE_TYPES,
            "A picture of a series: of one image of it"),
    PICTURE(INSTANCE "/rendered", srv_rendered, HTTP_ROUTE_BRIEF,
            PICTURE_TYPES ", text/html, text/plain, image/svg+xml, application/pdf, text/xml, "
                          "model/stl, model/obj, model/mtl, video/mp4, video/mpeg",
            "A picture of an image; a report as text; a document or a video as itself"),
    PICTURE(FRAME "/rendered", srv_rendered, HTTP_ROUTE_BRIEF, PICTURE_TYPES,
            "A picture of a frame, by its number from 1"),
    PICTURE(STUDY "/thumbnail", srv_thumbnail, 0, PICTURE_TYPES, "A small picture of a study"),
    PICTURE(SERIES "/thumbnail", srv_thumbnail, 0, PICTURE_TYPES, "A small picture of a series"),
    PICTURE(INSTANCE "/thumbnail", srv_thumbnail, HTTP_ROUTE_BRIEF, PICTURE_TYPES,
            "A small picture of an instance"),
    PICTURE(FRAME "/thumbnail", srv_thumbnail, HTTP_ROUTE_BRIEF, PICTURE_TYPES,
            "A small picture of a frame"),

    STORE(ROOT "/studies", "Store instances"),
    STORE(STUDY, "Store instances of one study"),

    REMOVE(STUDY, "Remove a study"),
    REMOVE(SERIES, "Remove a series"),
    REMOVE(INSTANCE, "Remove an instance"),
    REJECT(STUDY "/reject/{code}"),
    REJECT(SERIES "/reject/{code}"),
    REJECT(INSTANCE "/reject/{code}"),

    {
        .method        = HTTP_GET,
        .pattern       = "/wado",
        .handler       = srv_wado_uri,
        .summary       = "Retrieve an instance, or a picture of it, by WADO-URI",
        .response_type = "application/dicom, " PICTURE_TYPES,
        .query         = uri_query,
        .query_count   = sizeof uri_query / sizeof *uri_query,
    },
};

const size_t srv_dicomweb_route_count = sizeof srv_dicomweb_routes / sizeof *srv_dicomweb_routes;
