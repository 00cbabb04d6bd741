/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The miniport's own object identifier, in the vendor range. Protocols query it. */
#ifndef NICRIG_OID_H
#define NICRIG_OID_H

/* Query: ULONG64 values[NICRIG_COUNTERS], the card's counters in the order of NICRIG_COUNTER_NAMES. */
#define OID_NICRIG_CARD_COUNTERS 0xff010001

#endif /* NICRIG_OID_H */
