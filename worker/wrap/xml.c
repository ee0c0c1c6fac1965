/* SPDX-License-Identifier: Apache-2.0 */
#include "wrap/xml.h"

#include "base/text.h"

#include <expat.h>
#include <limits.h>
#include <string.h>

#define DEPTH_MAX 32

typedef struct Open
{
    XmlNode *node;
    XmlNode *last; /* child */
    Text text;
} Open;

typedef struct Reading
{
    Arena *arena;
    XML_Parser parser;
    Open open[DEPTH_MAX];
    size_t depth;
    XmlNode *root;
    const char *refused; /* why; NULL: nothing is */
} Reading;

static void
refuse(Reading *r, const char *why)
{
    r->refused = why;
    (void)XML_StopParser(r->parser, XML_FALSE);
}

static void XMLCALL
start_doctype(void *context, const XML_Char *name, const XML_Char *system, const XML_Char *public, int has_subset)
{
    (void)name, (void)system, (void)public, (void)has_subset;
    refuse(context, "has a document type");
}

/* With namespaces, a name is "URI NAME". */
static const char *
local_name(const char *name)
{
    const char *space = strrchr(name, ' ');
    return space == NULL ? name : space + 1;
}

static void XMLCALL
start_element(void *context, const XML_Char *name, const XML_Char **attributes)
{
    Reading *r = context;
    XmlNode *node = ARENA_NEW(r->arena, XmlNode);

    (void)attributes;
    if (r->depth == DEPTH_MAX)
    {
        refuse(r, "has too many levels");
        return;
    }
    *node = (XmlNode){ .name = arena_strdup(r->arena, local_name(name)), .text = "" };
    if (r->depth == 0)
        r->root = node;
    else
    {
        Open *parent = &r->open[r->depth - 1];
        if (parent->last == NULL)
            parent->node->first = node;
        else
            parent->last->next = node;
        parent->last = node;
    }
    r->open[r->depth++] = (Open){ .node = node, .text = TEXT_INIT(r->arena) };
}

static void XMLCALL
end_element(void *context, const XML_Char *name)
{
    Reading *r = context;
    Open *ended = &r->open[--r->depth];

    (void)name;
    ended->node->text = text_done(&ended->text);
}

static void XMLCALL
take_text(void *context, const XML_Char *bytes, int length)
{
    Reading *r = context;

    if (r->depth > 0)
        text_add_bytes(&r->open[r->depth - 1].text, bytes, (size_t)length);
}

Err
xml_parse(Arena *arena, const char *bytes, size_t length, const XmlNode **ret_root)
{
    Reading r = { .arena = arena, .parser = XML_ParserCreateNS("UTF-8", ' ') };

    if (r.parser == NULL)
        return err_new(ERR_INTERNAL, "libexpat has no memory");
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, start_element, end_element);
    XML_SetCharacterDataHandler(r.parser, take_text);
    XML_SetStartDoctypeDeclHandler(r.parser, start_doctype);
    const enum XML_Status status = length > INT_MAX ? XML_STATUS_ERROR
                                                    : XML_Parse(r.parser, bytes, (int)length, XML_TRUE);
    XML_ParserFree(r.parser);
    if (r.refused != NULL)
        return err_new(ERR_IO, "the XML %s", r.refused);
    if (status != XML_STATUS_OK || r.root == NULL)
        return err_new(ERR_IO, "it is no XML, or ends early");
    *ret_root = r.root;
    return OK;
}

const XmlNode *
xml_child(const XmlNode *node, const char *name)
{
    const XmlNode *child = node == NULL ? NULL : node->first;
    return child == NULL || strcmp(child->name, name) == 0 ? child : xml_next(child, name);
}

const XmlNode *
xml_next(const XmlNode *node, const char *name)
{
    const XmlNode *next = node == NULL ? NULL : node->next;

    while (next != NULL && strcmp(next->name, name) != 0)
        next = next->next;
    return next;
}

const char *
xml_text(const XmlNode *node, const char *name)
{
    const XmlNode *child = xml_child(node, name);
    return child == NULL ? NULL : child->text;
}

char *
xml_escape(Arena *arena, const char *text)
{
    Text escaped = TEXT_INIT(arena);

    for (; *text != '\0'; text++)
        switch (*text)
        {
        case '&': text_add(&escaped, "&amp;"); break;
        case '<': text_add(&escaped, "&lt;"); break;
        case '>': text_add(&escaped, "&gt;"); break;
        default: text_add_bytes(&escaped, text, 1); break;
        }
    return text_done(&escaped);
}
