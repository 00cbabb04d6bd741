// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The trampolines of what can be mutated (mutate.h). The lists of calls.h have an entry for each: how many arguments,
 * result, name, C function (NDIS has some names as macros), what may be done with the call, what with each argument,
 * and the arguments. The miniport's calls go through the functions' trampolines, by mutable.h; NDIS's calls go through
 * the handlers' trampolines while a mutation is asked for. Until then a function's trampoline is a jump.
 */
#include <linux/string.h>

#include "calls.h"
#include "mutate.h"

/* A macro in ndis.h; here it is a name. */
#undef NdisFreeBuffer

/* What is done with each (type, name) of an argument list. */
#define MAP1(Do, Type, Name) Do(Type, Name)
#define MAP2(Do, Type, Name, ...) Do(Type, Name), MAP1(Do, __VA_ARGS__)
#define MAP3(Do, Type, Name, ...) Do(Type, Name), MAP2(Do, __VA_ARGS__)
#define MAP4(Do, Type, Name, ...) Do(Type, Name), MAP3(Do, __VA_ARGS__)
#define MAP5(Do, Type, Name, ...) Do(Type, Name), MAP4(Do, __VA_ARGS__)
#define MAP6(Do, Type, Name, ...) Do(Type, Name), MAP5(Do, __VA_ARGS__)
#define MAP7(Do, Type, Name, ...) Do(Type, Name), MAP6(Do, __VA_ARGS__)
#define DECLARE(Type, Name) Type Name
#define NAME(Type, Name) Name
#define PACK(Type, Name) ({ u64 word_ = 0; memcpy(&word_, &(Name), sizeof(Type)); word_; })
#define UNPACK(Type, Name) ({ Type value_; memcpy(&value_, &word->Name, sizeof(Type)); value_; })

#define IS_VOID(Type) __builtin_types_compatible_p(Type, void)
#define RESULT(Type, Call) __builtin_choose_expr(IS_VOID(Type), ({ (Call); 0ULL; }), (Call))

enum {
#define NUMBER(Count, Result, Name, ...) MUTABLE_##Name,
	NDIS_MUTABLE_CALLS(NUMBER)
	NDIS_MUTABLE_HANDLERS(NUMBER)
};

/* From packed arguments to the function, and the body of a trampoline. */
#define CALL_PACKED(Count, Name, Result, Function, ...) \
static u64 call_##Name(const u64 *words) \
{ \
	const struct { u64 MAP##Count(NAME, __VA_ARGS__); } *word = (const void *)words; \
\
	return RESULT(Result, Function(MAP##Count(UNPACK, __VA_ARGS__))); \
}
#define MUTATED(Count, Name, Result, ...) ({ \
	u64 words_[NDIS_MUTABLE_ARGUMENTS] = { MAP##Count(PACK, __VA_ARGS__) }; \
\
	(Result)ndis_mutate(&ndis_mutables[MUTABLE_##Name], words_); \
})

/* The compiler compares the trampoline with the function that it stands for. */
#define FUNCTION_TRAMPOLINE(Count, Result, Name, Function, May, Letters, ...) \
CALL_PACKED(Count, Name, Result, Function, __VA_ARGS__) \
typeof(Function) mutable_##Function; \
Result mutable_##Function(MAP##Count(DECLARE, __VA_ARGS__)) \
{ \
	if (static_branch_unlikely(&ndis_mutating)) \
		return MUTATED(Count, Name, Result, __VA_ARGS__); \
	return Function(MAP##Count(NAME, __VA_ARGS__)); \
}
NDIS_MUTABLE_CALLS(FUNCTION_TRAMPOLINE)

static NDIS_MINIPORT_CHARACTERISTICS handlers;

#define HANDLER_TRAMPOLINE(Count, Result, Name, May, Letters, ...) \
CALL_PACKED(Count, Name, Result, handlers.Name##Handler, __VA_ARGS__) \
static Result mutable_##Name(MAP##Count(DECLARE, __VA_ARGS__)) \
{ \
	return MUTATED(Count, Name, Result, __VA_ARGS__); \
}
NDIS_MUTABLE_HANDLERS(HANDLER_TRAMPOLINE)

#define FUNCTION_ENTRY(Count, Result, Name, Function, May, Letters, ...) \
	[MUTABLE_##Name] = { #Name, Letters, May, 0, call_##Name },
#define HANDLER_ENTRY(Count, Result, Name, May, Letters, ...) \
	[MUTABLE_##Name] = { "Miniport" #Name, Letters, May, \
			     __builtin_types_compatible_p(Result, NDIS_STATUS) ? NDIS_STATUS_FAILURE : 0, call_##Name },

const struct ndis_mutable ndis_mutables[] = {
	NDIS_MUTABLE_CALLS(FUNCTION_ENTRY)
	NDIS_MUTABLE_HANDLERS(HANDLER_ENTRY)
};
const unsigned int ndis_mutables_count = ARRAY_SIZE(ndis_mutables);

#define PUT_HANDLER(Count, Result, Name, ...) miniport->Name##Handler = mutable_##Name;

void ndis_mutate_handlers(NDIS_MINIPORT_CHARACTERISTICS *miniport)
{
	if (!static_key_enabled(&ndis_mutating))
		return;
	handlers = *miniport;
	NDIS_MUTABLE_HANDLERS(PUT_HANDLER)
}

#define BEHIND_HANDLER(Count, Result, Name, ...) \
	if (handler == mutable_##Name) \
		return handlers.Name##Handler;

const void *ndis_mutate_behind(const void *handler)
{
	if (!static_branch_unlikely(&ndis_mutating))
		return handler;
	NDIS_MUTABLE_HANDLERS(BEHIND_HANDLER)
	return handler;
}
