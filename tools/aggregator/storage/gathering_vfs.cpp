#include "tools/aggregator/storage/gathering_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

namespace cubby::aggregator {
namespace {

// More than a frame of the log. From 128 KiB on SQLite for Unix takes the size modulo that, and finds the disk full.
constexpr std::size_t kGatheredMax = 96 * 1024;

struct BaseFileDeleter {
  void operator()(sqlite3_file* file) const { ::operator delete(file); }
};
using BaseFile = std::unique_ptr<sqlite3_file, BaseFileDeleter>;

/// What SQLite calls a file; it gives the memory.
struct File {
  sqlite3_file base;  // First, as SQLite wants it.
  BaseFile below;
  std::vector<std::byte> gathered;  // Not written yet, ...
  sqlite3_int64 offset = 0;         // ... and where it begins.
};

File& of(sqlite3_file* file) {
  return *reinterpret_cast<File*>(file);
}

sqlite3_vfs* base_vfs() {
  return sqlite3_vfs_find(nullptr);
}

sqlite3_file* below(sqlite3_file* file) {
  return of(file).below.get();
}

const sqlite3_io_methods& methods_below(sqlite3_file* file) {
  return *below(file)->pMethods;
}

// What could not be written is dropped: SQLite rolls back what it belongs to, and writes there anew.
int flush(sqlite3_file* handle) {
  File& file = of(handle);
  if (file.gathered.empty()) {
    return SQLITE_OK;
  }
  const int result = methods_below(handle).xWrite(below(handle), file.gathered.data(),
                                                  static_cast<int>(file.gathered.size()), file.offset);
  file.gathered.clear();
  return result;
}

template <typename Call>
int after_flush(sqlite3_file* handle, const Call& call) {
  const int result = flush(handle);
  return result == SQLITE_OK ? call(methods_below(handle), below(handle)) : result;
}

int close(sqlite3_file* handle) {
  const int flushed = flush(handle);
  const int closed = methods_below(handle).xClose(below(handle));
  of(handle).~File();
  return flushed == SQLITE_OK ? closed : flushed;
}

int read(sqlite3_file* handle, void* to, int size, sqlite3_int64 offset) {
  return after_flush(handle, [&](auto& methods, auto* file) { return methods.xRead(file, to, size, offset); });
}

int write(sqlite3_file* handle, const void* from, int size, sqlite3_int64 offset) {
  File& file = of(handle);
  const auto count = static_cast<std::size_t>(size);
  const bool follows = offset == file.offset + static_cast<sqlite3_int64>(file.gathered.size());
  if (!follows || file.gathered.size() + count > kGatheredMax) {
    if (const int result = flush(handle); result != SQLITE_OK) {
      return result;
    }
    file.offset = offset;
  }
  const auto* const bytes = static_cast<const std::byte*>(from);
  file.gathered.insert(file.gathered.end(), bytes, bytes + count);
  return SQLITE_OK;
}

int truncate(sqlite3_file* handle, sqlite3_int64 size) {
  return after_flush(handle, [&](auto& methods, auto* file) { return methods.xTruncate(file, size); });
}

int sync(sqlite3_file* handle, int flags) {
  return after_flush(handle, [&](auto& methods, auto* file) { return methods.xSync(file, flags); });
}

int file_size(sqlite3_file* handle, sqlite3_int64* size) {
  return after_flush(handle, [&](auto& methods, auto* file) { return methods.xFileSize(file, size); });
}

int lock(sqlite3_file* handle, int level) {
  return methods_below(handle).xLock(below(handle), level);
}

int unlock(sqlite3_file* handle, int level) {
  return methods_below(handle).xUnlock(below(handle), level);
}

int check_reserved(sqlite3_file* handle, int* reserved) {
  return methods_below(handle).xCheckReservedLock(below(handle), reserved);
}

int control(sqlite3_file* handle, int operation, void* argument) {
  return after_flush(handle,
                     [&](auto& methods, auto* file) { return methods.xFileControl(file, operation, argument); });
}

int sector_size(sqlite3_file* handle) {
  return methods_below(handle).xSectorSize(below(handle));
}

int characteristics(sqlite3_file* handle) {
  return methods_below(handle).xDeviceCharacteristics(below(handle));
}

const sqlite3_io_methods kMethods = {
    1,       close,          read,    write,       truncate,        sync,    file_size, lock,
    unlock,  check_reserved, control, sector_size, characteristics, nullptr, nullptr,   nullptr,
    nullptr, nullptr,        nullptr};

int open_log(sqlite3_vfs* vfs, const char* name, sqlite3_file* handle, int flags, int* flags_out) {
  auto* const file = new (handle) File{.base = {nullptr}, .below = {}, .gathered = {}};
  file->below.reset(static_cast<sqlite3_file*>(::operator new(static_cast<std::size_t>(vfs->szOsFile))));
  file->below->pMethods = nullptr;
  file->gathered.reserve(kGatheredMax);
  const int result = vfs->xOpen(vfs, name, file->below.get(), flags, flags_out);
  if (result != SQLITE_OK) {
    if (file->below->pMethods != nullptr) {
      file->below->pMethods->xClose(file->below.get());
    }
    file->~File();
    handle->pMethods = nullptr;
    return result;
  }
  file->base.pMethods = &kMethods;
  return SQLITE_OK;
}

int open(sqlite3_vfs*, const char* name, sqlite3_file* handle, int flags, int* flags_out) {
  sqlite3_vfs* const base = base_vfs();
  return (flags & SQLITE_OPEN_WAL) != 0 ? open_log(base, name, handle, flags, flags_out)
                                        : base->xOpen(base, name, handle, flags, flags_out);
}

}  // namespace

const char* gathering_vfs() {
  static std::mutex mutex;
  static sqlite3_vfs vfs{};
  const std::lock_guard lock(mutex);
  const sqlite3_vfs* const base = base_vfs();
  if (base == nullptr) {
    return nullptr;
  }
  // Files that are not gathered are the base's own, in memory of this size; the base may be another one than last time.
  vfs.szOsFile = std::max({vfs.szOsFile, base->szOsFile, static_cast<int>(sizeof(File))});
  vfs.mxPathname = std::max(vfs.mxPathname, base->mxPathname);
  if (vfs.zName != nullptr) {
    return vfs.zName;
  }
  vfs.iVersion = 1;
  vfs.xOpen = open;
  vfs.xDelete = [](sqlite3_vfs*, const char* name, int syncs) { return base_vfs()->xDelete(base_vfs(), name, syncs); };
  vfs.xAccess = [](sqlite3_vfs*, const char* name, int flags, int* result) {
    return base_vfs()->xAccess(base_vfs(), name, flags, result);
  };
  vfs.xFullPathname = [](sqlite3_vfs*, const char* name, int size, char* out) {
    return base_vfs()->xFullPathname(base_vfs(), name, size, out);
  };
  vfs.xRandomness = [](sqlite3_vfs*, int size, char* out) { return base_vfs()->xRandomness(base_vfs(), size, out); };
  vfs.xSleep = [](sqlite3_vfs*, int microseconds) { return base_vfs()->xSleep(base_vfs(), microseconds); };
  vfs.xCurrentTime = [](sqlite3_vfs*, double* now) { return base_vfs()->xCurrentTime(base_vfs(), now); };
  vfs.xGetLastError = [](sqlite3_vfs*, int size, char* text) {
    return base_vfs()->xGetLastError(base_vfs(), size, text);
  };
  vfs.zName = "cubby-gathering";
  if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK) {
    vfs.zName = nullptr;
  }
  return vfs.zName;
}

}  // namespace cubby::aggregator
