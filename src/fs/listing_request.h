/*
 * What a listing is wanted to be: asked of the cache first (fs/listing_cache.h), and then made
 * (fs/listing.h).
 */
#ifndef FS_LISTING_REQUEST_H
#define FS_LISTING_REQUEST_H

#include <stdint.h>

#include "base/view.h"
#include "fs/entry_line.h"

struct cached_listing;

enum listing_format { LISTING_LIST, LISTING_NLST, LISTING_MLSD };

struct listing_request {
	int folder;		 /* O_RDONLY | O_DIRECTORY; owned by the listing from now on */
	int root;		 /* of the served tree; borrowed as long as the listing lives */
	struct view folder_path; /* of the folder in that tree, absolute; copied */
	enum listing_format format;
	unsigned facts;	     /* LISTING_MLSD */
	struct view pattern; /* "" for all; copied */
	struct view prefix;  /* NLST: put before each name, as "sub/"; copied */
	struct entry_rights rights;
	struct entry_rights own_rights; /* of the folder itself, by the one that holds it */
	int64_t now_s;			/* wall clock */
	/* What is made here is kept as, or NULL; owned by the listing from now on. */
	struct cached_listing *draft;
};

#endif
