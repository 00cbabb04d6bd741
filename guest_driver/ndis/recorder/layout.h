/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flight recorder's memory (docs/datasheet.md section 14).
 * Generated from device/nicrig_device/recorder.py by `make generate`: do not edit.
 */
#ifndef NICRIG_LAYOUT_H
#define NICRIG_LAYOUT_H

/* The 64-bit words at the start, by index. */
#define NICRIG_RECORDER_MAGIC                   0x0         /* "NICRRECD" in ASCII, little endian */
#define NICRIG_RECORDER_CAPACITY                0x1         /* Records that the ring holds */
#define NICRIG_RECORDER_HEAD                    0x2         /* Records begun since the card started */
#define NICRIG_RECORDER_DETAIL                  0x3         /* How much is recorded */
#define NICRIG_RECORDER_SETTLED                 0x4         /* In the card's own ring only */
#define NICRIG_RECORDER_GRANTS                  0x5         /* 1 while the card needs STREAMING grants too */
#define NICRIG_RECORDER_SLOT_HEAD               0x6         /* Frames kept since the card started */
#define NICRIG_RECORDER_BUILD                   0x7         /* Names the driver's build */

#define NICRIG_RECORDER_MAGIC_VALUE             0x444345525243494eULL
#define NICRIG_RECORDER_BYTES                   0x1000000
#define NICRIG_RECORDER_RECORDS_OFFSET          0x1000
#define NICRIG_RECORDER_RECORDS                 0x1ffc0     /* records that the ring holds */
#define NICRIG_RECORDER_SLOTS_OFFSET            0x800000
#define NICRIG_RECORDER_SLOTS                   0x1000      /* frames whose bytes are kept */
#define NICRIG_RECORDER_SLOT_BYTES              0x800

/* Records that the card understands: their kind, how memory is granted, what guard bytes hold. */
#define NICRIG_RECORD_GRANT                     0x3
#define NICRIG_RECORD_REVOKE                    0x4
#define NICRIG_GRANT_READ                       0x1
#define NICRIG_GRANT_WRITE                      0x2
#define NICRIG_GRANT_CACHED                     0x4
#define NICRIG_GRANT_STREAMING                  0x8
#define NICRIG_REVOKE_EVERYTHING                0xffffffffffffffffULL
#define NICRIG_GUARD                            0x5a

/* 64 bytes; the sequence is written last. */
struct nicrig_record {
	u64 sequence;
	u64 time;
	u16 function;
	u8 kind;
	u8 phase : 4;
	u8 irql : 4;
	u32 site : 20;
	u32 cpu : 8;
	u32 locks : 4;
	u64 a;
	u64 b;
	u64 c;
	u64 d;
	u64 result;
};

#endif /* NICRIG_LAYOUT_H */
