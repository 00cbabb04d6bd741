// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The newest libvfio-user's ABI on top of an older library, as far as the card uses it: vfu_setup_device_dma takes
 * the number of regions. Link it against the older library: dlsym on this library's handle then finds every other
 * function there. generation_b.py builds it.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define SONAME "libvfio-user.so.0"
#define MOST_REGIONS 65536

typedef void callback(void);
typedef int old_setup(void *context, callback *dma_register, callback *dma_unregister);

static void *old_function(const char *name)
{
	/* Loaded already, as our dependency. */
	void *library = dlopen(SONAME, RTLD_LAZY | RTLD_NOLOAD);
	void *function = library ? dlsym(library, name) : NULL;

	if (!function) {
		fprintf(stderr, "generation_b: no %s in %s: link generation_b.c against it\n", name, SONAME);
		abort();
	}
	return function;
}

int vfu_setup_device_dma(void *context, size_t max_regions, callback *dma_register, callback *dma_unregister)
{
	old_setup *setup = (old_setup *)old_function("vfu_setup_device_dma");

	/* The old signature has a function's address in this place. */
	if (max_regions < 1 || max_regions > MOST_REGIONS) {
		fprintf(stderr, "generation_b: vfu_setup_device_dma called with %#zx regions: the old signature?\n", max_regions);
		abort();
	}
	return setup(context, dma_register, dma_unregister);
}
