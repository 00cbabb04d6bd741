/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Generated from controller/nicrig/__init__.py by `make generate`: do not edit. */
#ifndef NICRIG_VERSION_H
#define NICRIG_VERSION_H

#define SHIM_VERSION    "0.1.0"

#endif /* NICRIG_VERSION_H */
