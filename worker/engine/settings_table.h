/* SPDX-License-Identifier: Apache-2.0 */
/* settings_table.h -- every setting of the configuration: the table that the reader, the tests and the help share. */
#ifndef EXPUNGE_SETTINGS_TABLE_H
#define EXPUNGE_SETTINGS_TABLE_H

#include "engine/schema.h"

/* The file's top level; fills a Rules. */
extern const SettingGroup settings_table;

#endif
