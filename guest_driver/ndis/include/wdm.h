/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of the Windows driver model that NDIS 5.1 needs: base types, memory descriptor lists, resource lists, levels
 * and barriers. Names, layouts and values are the genuine ones (docs/ndis51.md). Only what this project implements is
 * here. It includes nothing, so that a miniport compiles without any Linux name.
 */
#ifndef NICRIG_WDM_H
#define NICRIG_WDM_H

#define VOID void
#define NTAPI
#define FALSE 0
#define TRUE 1
#ifndef NULL
#define NULL ((void *)0)
#endif

typedef void *PVOID, *HANDLE;
typedef char CHAR, CCHAR, *PCHAR;
typedef unsigned char UCHAR, BOOLEAN, *PUCHAR, *PBOOLEAN;
typedef short SHORT, CSHORT;
typedef unsigned short USHORT, WCHAR, *PUSHORT, *PWSTR;
typedef const WCHAR *PCWSTR;
typedef int LONG, *PLONG;
typedef unsigned int UINT, ULONG, *PUINT, *PULONG;
typedef long long LONGLONG;
typedef unsigned long long ULONGLONG, ULONG64, *PULONG64;
typedef unsigned long ULONG_PTR, SIZE_T;
typedef LONG NTSTATUS;
typedef UCHAR KIRQL, *PKIRQL;
typedef ULONG_PTR KAFFINITY;

/* The compiler must agree with Windows x64 about every width that a structure below is made of. */
#define C_ASSERT(expr) extern char (*c_assert(void))[(expr) ? 1 : -1]
C_ASSERT(sizeof(ULONG) == 4);
C_ASSERT(sizeof(ULONG64) == 8);
C_ASSERT(sizeof(ULONG_PTR) == sizeof(PVOID));
C_ASSERT(sizeof(L""[0]) == sizeof(WCHAR));

#define FIELD_OFFSET(Type, Field) __builtin_offsetof(Type, Field)
#define CONTAINING_RECORD(address, type, field) ((type *)((ULONG_PTR)(address) - FIELD_OFFSET(type, field)))
#define UNREFERENCED_PARAMETER(P) ((void)(P))
#define ARGUMENT_PRESENT(Argument) ((const CHAR *)(Argument) != (const CHAR *)NULL)

#define STATUS_SUCCESS                  ((NTSTATUS)0x00000000)
#define STATUS_PENDING                  ((NTSTATUS)0x00000103)
#define STATUS_UNSUCCESSFUL             ((NTSTATUS)0xC0000001)
#define STATUS_INVALID_PARAMETER        ((NTSTATUS)0xC000000D)
#define STATUS_CONFLICTING_ADDRESSES    ((NTSTATUS)0xC0000018)
#define STATUS_INSUFFICIENT_RESOURCES   ((NTSTATUS)0xC000009A)
#define STATUS_NOT_SUPPORTED            ((NTSTATUS)0xC00000BB)

#define PASSIVE_LEVEL   0
#define APC_LEVEL       1
#define DISPATCH_LEVEL  2
#define HIGH_LEVEL      15

/* [4.9] Kernel pool; a flag may be added to a type */
typedef enum _POOL_TYPE {
	NonPagedPool,
	PagedPool,
	NonPagedPoolMustSucceed,
	DontUseThisType,
	NonPagedPoolCacheAligned,
	PagedPoolCacheAligned
} POOL_TYPE;

#define POOL_QUOTA_FAIL_INSTEAD_OF_RAISE        8
#define POOL_RAISE_IF_ALLOCATION_FAILURE        16
#define POOL_COLD_ALLOCATION                    256

#ifndef PAGE_SIZE
#define PAGE_SIZE       0x1000
#define PAGE_SHIFT      12
#endif

typedef union _LARGE_INTEGER {
	struct {
		ULONG LowPart;
		LONG HighPart;
	};
	struct {
		ULONG LowPart;
		LONG HighPart;
	} u;
	LONGLONG QuadPart;
} LARGE_INTEGER, PHYSICAL_ADDRESS, *PPHYSICAL_ADDRESS;

typedef struct _UNICODE_STRING {
	USHORT Length;
	USHORT MaximumLength;
	PWSTR Buffer;
} UNICODE_STRING, *PUNICODE_STRING;

typedef struct _DRIVER_OBJECT DRIVER_OBJECT, *PDRIVER_OBJECT;

/* Opaque to a miniport; large enough for the kernel's lock in every debugging configuration. */
typedef struct _KSPIN_LOCK {
	ULONG_PTR Opaque[12];
} KSPIN_LOCK, *PKSPIN_LOCK;

/* A memory descriptor list: one virtually contiguous piece of memory, chained by Next. */
typedef struct _MDL {
	struct _MDL *Next;
	CSHORT Size;
	CSHORT MdlFlags;
	PVOID Process;
	PVOID MappedSystemVa;
	PVOID StartVa;
	ULONG ByteCount;
	ULONG ByteOffset;
} MDL, *PMDL;

#define MDL_MAPPED_TO_SYSTEM_VA         0x0001
#define MDL_PAGES_LOCKED                0x0002
#define MDL_SOURCE_IS_NONPAGED_POOL     0x0004
#define MDL_PARTIAL                     0x0010
#define MDL_IO_SPACE                    0x0800
#define MDL_MAPPING_CAN_FAIL            0x2000

typedef enum _MM_PAGE_PRIORITY {
	LowPagePriority,
	NormalPagePriority = 16,
	HighPagePriority = 32
} MM_PAGE_PRIORITY;

#define MmGetMdlByteCount(_Mdl) ((_Mdl)->ByteCount)
#define MmGetMdlByteOffset(_Mdl) ((_Mdl)->ByteOffset)
#define MmGetMdlVirtualAddress(_Mdl) ((PVOID)((PCHAR)((_Mdl)->StartVa) + (_Mdl)->ByteOffset))
/* Every buffer of this layer describes nonpaged memory, which is always mapped. */
#define MmGetSystemAddressForMdl(_Mdl) ((_Mdl)->MappedSystemVa)
#define MmGetSystemAddressForMdlSafe(_Mdl, _Priority) ((void)(_Priority), (_Mdl)->MappedSystemVa)

#define ADDRESS_AND_SIZE_TO_SPAN_PAGES(_Va, _Size) \
	((ULONG)((((ULONG_PTR)(_Va) & (PAGE_SIZE - 1)) + (_Size) + PAGE_SIZE - 1) >> PAGE_SHIFT))

typedef struct _SCATTER_GATHER_ELEMENT {
	PHYSICAL_ADDRESS Address;
	ULONG Length;
	ULONG_PTR Reserved;
} SCATTER_GATHER_ELEMENT, *PSCATTER_GATHER_ELEMENT;

typedef struct _SCATTER_GATHER_LIST {
	ULONG NumberOfElements;
	ULONG_PTR Reserved;
	SCATTER_GATHER_ELEMENT Elements[];
} SCATTER_GATHER_LIST, *PSCATTER_GATHER_LIST;

typedef enum _INTERFACE_TYPE {
	Internal,
	Isa,
	Eisa,
	MicroChannel,
	TurboChannel,
	PCIBus,
	PCMCIABus = 8
} INTERFACE_TYPE;

typedef enum _KINTERRUPT_MODE {
	LevelSensitive,
	Latched
} KINTERRUPT_MODE;

/* How a subordinate card is wired to its channel */
typedef enum _DMA_WIDTH {
	Width8Bits,
	Width16Bits,
	Width32Bits,
	Width64Bits,
	WidthNoWrap,
	MaximumDmaWidth
} DMA_WIDTH, *PDMA_WIDTH;

typedef enum _DMA_SPEED {
	Compatible,
	TypeA,
	TypeB,
	TypeC,
	TypeF,
	MaximumDmaSpeed
} DMA_SPEED, *PDMA_SPEED;

#define CmResourceTypePort              1
#define CmResourceTypeInterrupt         2
#define CmResourceTypeMemory            3

#define CmResourceShareDeviceExclusive  1
#define CmResourceShareShared           3

#define CM_RESOURCE_PORT_MEMORY                 0x0000
#define CM_RESOURCE_PORT_IO                     0x0001

#define CM_RESOURCE_INTERRUPT_LEVEL_SENSITIVE   0x0000
#define CM_RESOURCE_INTERRUPT_LATCHED           0x0001
#define CM_RESOURCE_INTERRUPT_MESSAGE           0x0002

#pragma pack(push, 4)
typedef struct _CM_PARTIAL_RESOURCE_DESCRIPTOR {
	UCHAR Type;
	UCHAR ShareDisposition;
	USHORT Flags;
	union {
		struct {
			PHYSICAL_ADDRESS Start;
			ULONG Length;
		} Generic;
		struct {
			PHYSICAL_ADDRESS Start;
			ULONG Length;
		} Port;
		struct {
			PHYSICAL_ADDRESS Start;
			ULONG Length;
		} Memory;
		struct {
			ULONG Level;
			ULONG Vector;
			KAFFINITY Affinity;
		} Interrupt;
	} u;
} CM_PARTIAL_RESOURCE_DESCRIPTOR, *PCM_PARTIAL_RESOURCE_DESCRIPTOR;
#pragma pack(pop)

typedef struct _CM_PARTIAL_RESOURCE_LIST {
	USHORT Version;
	USHORT Revision;
	ULONG Count;
	CM_PARTIAL_RESOURCE_DESCRIPTOR PartialDescriptors[1];
} CM_PARTIAL_RESOURCE_LIST, *PCM_PARTIAL_RESOURCE_LIST;

/*
 * Every load and store before it is visible to CPUs and devices before any load or store after it. A locked
 * instruction, as __sync_synchronize() has, is no barrier in an emulated machine with one CPU: QEMU makes it a plain
 * one, and the card is another process of the host.
 */
static inline VOID KeMemoryBarrier(VOID)
{
#ifdef __x86_64__
	__asm__ __volatile__("mfence" : : : "memory");
#else
	__sync_synchronize();
#endif
}

KIRQL KeGetCurrentIrql(VOID);
VOID KeStallExecutionProcessor(ULONG MicroSeconds);
VOID KeFlushIoBuffers(PMDL Mdl, BOOLEAN ReadOperation, BOOLEAN DmaOperation);
VOID IoFreeMdl(PMDL Mdl);

PVOID ExAllocatePool(POOL_TYPE PoolType, SIZE_T NumberOfBytes);
PVOID ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag);
VOID ExFreePool(PVOID P);
VOID ExFreePoolWithTag(PVOID P, ULONG Tag);

VOID WRITE_REGISTER_UCHAR(volatile UCHAR *Register, UCHAR Value);
VOID WRITE_REGISTER_USHORT(volatile USHORT *Register, USHORT Value);
VOID WRITE_REGISTER_ULONG(volatile ULONG *Register, ULONG Value);

UCHAR READ_PORT_UCHAR(PUCHAR Port);
USHORT READ_PORT_USHORT(PUSHORT Port);
ULONG READ_PORT_ULONG(PULONG Port);
VOID WRITE_PORT_UCHAR(PUCHAR Port, UCHAR Value);
VOID WRITE_PORT_USHORT(PUSHORT Port, USHORT Value);
VOID WRITE_PORT_ULONG(PULONG Port, ULONG Value);
VOID READ_PORT_BUFFER_UCHAR(PUCHAR Port, PUCHAR Buffer, ULONG Count);
VOID READ_PORT_BUFFER_USHORT(PUSHORT Port, PUSHORT Buffer, ULONG Count);
VOID READ_PORT_BUFFER_ULONG(PULONG Port, PULONG Buffer, ULONG Count);
VOID WRITE_PORT_BUFFER_UCHAR(PUCHAR Port, PUCHAR Buffer, ULONG Count);
VOID WRITE_PORT_BUFFER_USHORT(PUSHORT Port, PUSHORT Buffer, ULONG Count);
VOID WRITE_PORT_BUFFER_ULONG(PULONG Port, PULONG Buffer, ULONG Count);

#define RtlZeroMemory(Destination, Length) __builtin_memset((Destination), 0, (Length))
#define RtlFillMemory(Destination, Length, Fill) __builtin_memset((Destination), (Fill), (Length))
#define RtlCopyMemory(Destination, Source, Length) __builtin_memcpy((Destination), (Source), (Length))
#define RtlEqualMemory(Source1, Source2, Length) (!__builtin_memcmp((Source1), (Source2), (Length)))

#endif /* NICRIG_WDM_H */
