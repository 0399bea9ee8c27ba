#include "tools/aggregator/storage/page_cache.h"

#include <sqlite3.h>

#include <new>

namespace cubby::aggregator {
namespace {

constexpr unsigned kLockByte = 0x40000000;  // Of every SQLite file; see its file format.

sqlite3_pcache_methods2 base;

/// One of SQLite's caches.
struct Cache {
  sqlite3_pcache* below;
  PageNumbers numbers;
};

Cache& of(sqlite3_pcache* cache) {
  return *reinterpret_cast<Cache*>(cache);
}

sqlite3_pcache* below(sqlite3_pcache* cache) {
  return of(cache).below;
}

sqlite3_pcache* create(int page_size, int extra_size, int purgeable) {
  sqlite3_pcache* const made = base.xCreate(page_size, extra_size, purgeable);
  if (made == nullptr) {
    return nullptr;
  }
  const PageNumbers none(kLockByte / static_cast<unsigned>(page_size) + 1);
  auto* const cache = new (std::nothrow) Cache{.below = made, .numbers = none};
  if (cache == nullptr) {
    base.xDestroy(made);
  }
  return reinterpret_cast<sqlite3_pcache*>(cache);
}

sqlite3_pcache_page* fetch(sqlite3_pcache* cache, unsigned number, int creates) {
  if (creates != 0) {
    of(cache).numbers.add(number);
  }
  return base.xFetch(below(cache), number, creates);
}

void rekey(sqlite3_pcache* cache, sqlite3_pcache_page* page, unsigned from, unsigned to) {
  of(cache).numbers.move(from, to);
  base.xRekey(below(cache), page, from, to);
}

// `limit`: pages from here on are to go.
void truncate(sqlite3_pcache* cache, unsigned limit) {
  PageNumbers& numbers = of(cache).numbers;
  if (numbers.may_have(limit)) {
    base.xTruncate(below(cache), limit);
    numbers.drop(limit);
  }
}

void destroy(sqlite3_pcache* cache) {
  base.xDestroy(below(cache));
  delete &of(cache);
}

}  // namespace

void use_page_cache() {
  if (base.xCreate != nullptr || sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &base) != SQLITE_OK) {
    return;
  }
  sqlite3_pcache_methods2 methods = base;
  methods.xCreate = create;
  methods.xCachesize = [](sqlite3_pcache* cache, int pages) { base.xCachesize(below(cache), pages); };
  methods.xPagecount = [](sqlite3_pcache* cache) { return base.xPagecount(below(cache)); };
  methods.xFetch = fetch;
  methods.xUnpin = [](sqlite3_pcache* cache, sqlite3_pcache_page* page, int discards) {
    base.xUnpin(below(cache), page, discards);
  };
  methods.xRekey = rekey;
  methods.xTruncate = truncate;
  methods.xDestroy = destroy;
  methods.xShrink = [](sqlite3_pcache* cache) { base.xShrink(below(cache)); };
  sqlite3_config(SQLITE_CONFIG_PCACHE2, &methods);
}

}  // namespace cubby::aggregator
