/* SPDX-License-Identifier: Apache-2.0 */
/* xml.h -- XML answers read as a tree, through libexpat.  The only file that knows libexpat.
 *
 * A document type is refused, and with it every entity of the answer's own; so are more than 32 levels.  Names are local
 * ones: namespaces and attributes are left out. */
#ifndef EXPUNGE_XML_H
#define EXPUNGE_XML_H

#include "base/arena.h"

typedef struct XmlNode XmlNode;
struct XmlNode
{
    const char *name;
    const char *text;     /* all of the element's own, terminated; never NULL */
    const XmlNode *first; /* child; NULL: none */
    const XmlNode *next;  /* sibling */
};

/* One whole document.  Fails with ERR_IO: not well-formed, cut off, or what is refused here. */
NODISCARD Err xml_parse(Arena *arena, const char *bytes, size_t length, const XmlNode **ret_root);

/* The first of that name: a child, a sibling behind; NULL: there is none.  node may be NULL. */
const XmlNode *xml_child(const XmlNode *node, const char *name);
const XmlNode *xml_next(const XmlNode *node, const char *name);
/* The text of the first child of that name; NULL: there is none. */
const char *xml_text(const XmlNode *node, const char *name);

/* The text as the content of an element.  text: UTF-8 without control characters. */
char *xml_escape(Arena *arena, const char *text);

#endif
