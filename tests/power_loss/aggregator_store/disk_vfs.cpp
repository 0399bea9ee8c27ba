#include "power_loss/aggregator_store/disk_vfs.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "firmware/base/assert.h"

namespace cubby::aggregator_store {
namespace {

constexpr int kPathSizeMax = 512;
constexpr int kWriteSizeMax = 2'048;         // Half a page of SQLite's: there are cuts inside of them, too.
constexpr int kPageCacheSectorSize = 4'096;  // What SQLite's own layer for Linux says.

}  // namespace

/// What SQLite calls a file; it gives the memory.
struct DiskVfs::File {
  sqlite3_file base;  // First, as SQLite wants it.
  DiskVfs* vfs;
  std::string* name;  // Null: a file without a name, which no cut concerns.
  std::vector<std::byte>* scratch;
  bool syncs_folder;  // Its first sync makes its name durable.
  int lock;
  std::uint32_t shared_locks;
  std::uint32_t exclusive_locks;
};

/// The functions that SQLite calls, as its documents describe them.
struct DiskVfs::Methods {
  static File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
  static const std::vector<std::byte>& content(const File& file) {
    return file.name == nullptr ? *file.scratch : file.vfs->disk_.content(file.vfs->disk_.find(*file.name));
  }

  static int close(sqlite3_file* handle) {
    File& file = of(handle);
    std::erase(file.vfs->open_, &file);
    delete file.name;
    delete file.scratch;
    return SQLITE_OK;
  }
  static int read(sqlite3_file* handle, void* to, int size, sqlite3_int64 offset) {
    const File& file = of(handle);
    if (file.name != nullptr && file.vfs->strikes(Fault::Kind::kRead)) {
      return SQLITE_IOERR_READ;
    }
    const auto& bytes = content(file);
    const auto from = std::min(static_cast<std::size_t>(offset), bytes.size());
    const std::size_t count = std::min(static_cast<std::size_t>(size), bytes.size() - from);
    std::memset(to, 0, static_cast<std::size_t>(size));
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(from), count, static_cast<std::byte*>(to));
    return count == static_cast<std::size_t>(size) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
  }
  static int write(sqlite3_file* handle, const void* from, int size, sqlite3_int64 offset) {
    const File& file = of(handle);
    const auto* bytes = static_cast<const std::byte*>(from);
    const auto at = static_cast<std::size_t>(offset);
    if (file.name == nullptr) {
      file.scratch->resize(std::max(file.scratch->size(), at + static_cast<std::size_t>(size)));
      std::copy_n(bytes, size, file.scratch->begin() + static_cast<std::ptrdiff_t>(at));
      return SQLITE_OK;
    }
    // The store gathers the pages of its log; the disk takes them piece by piece, and each piece is an operation to cut
    // at.
    for (int done = 0; done < size; done += kWriteSizeMax) {
      const bool full = file.vfs->strikes(Fault::Kind::kFull);
      if (full || file.vfs->strikes(Fault::Kind::kWrite)) {
        return full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
      }
      file.vfs->perform({.kind = Operation::Kind::kWrite,
                         .name = *file.name,
                         .offset = at + static_cast<std::uint64_t>(done),
                         .data = {bytes + done, bytes + std::min(size, done + kWriteSizeMax)}});
    }
    return SQLITE_OK;
  }
  static int truncate(sqlite3_file* handle, sqlite3_int64 size) {
    const File& file = of(handle);
    if (file.name == nullptr) {
      file.scratch->resize(static_cast<std::size_t>(size));
      return SQLITE_OK;
    }
    file.vfs->perform({.kind = Operation::Kind::kTruncate,
                       .name = *file.name,
                       .offset = static_cast<std::uint64_t>(size),
                       .data = {}});
    return SQLITE_OK;
  }
  static int sync(sqlite3_file* handle, int) {
    File& file = of(handle);
    if (file.name == nullptr) {
      return SQLITE_OK;
    }
    const bool forgets = file.vfs->strikes(Fault::Kind::kSyncForgets);
    if (forgets) {
      file.vfs->disk_.fail_sync(*file.name);
    }
    if (forgets || file.vfs->strikes(Fault::Kind::kSync)) {
      return SQLITE_IOERR_FSYNC;
    }
    file.vfs->perform({.kind = Operation::Kind::kSync, .name = *file.name, .data = {}, .folder = file.syncs_folder});
    file.syncs_folder = false;
    return SQLITE_OK;
  }
  static int file_size(sqlite3_file* handle, sqlite3_int64* size) {
    *size = static_cast<sqlite3_int64>(content(of(handle)).size());
    return SQLITE_OK;
  }

  // Locks of other connections of this process to the same file.
  static int highest_other_lock(const File& file) {
    int highest = SQLITE_LOCK_NONE;
    for (const File* other : file.vfs->open_) {
      if (other != &file && *other->name == *file.name) {
        highest = std::max(highest, other->lock);
      }
    }
    return highest;
  }
  static int lock(sqlite3_file* handle, int level) {
    File& file = of(handle);
    if (file.lock >= level) {
      return SQLITE_OK;
    }
    const int others = highest_other_lock(file);
    if (others >= (level == SQLITE_LOCK_SHARED ? SQLITE_LOCK_PENDING : SQLITE_LOCK_RESERVED)) {
      return SQLITE_BUSY;
    }
    if (level == SQLITE_LOCK_EXCLUSIVE && others == SQLITE_LOCK_SHARED) {
      file.lock = SQLITE_LOCK_PENDING;
      return SQLITE_BUSY;
    }
    file.lock = level;
    return SQLITE_OK;
  }
  static int unlock(sqlite3_file* handle, int level) {
    of(handle).lock = std::min(of(handle).lock, level);
    return SQLITE_OK;
  }
  static int check_reserved(sqlite3_file* handle, int* reserved) {
    *reserved = std::max(of(handle).lock, highest_other_lock(of(handle))) >= SQLITE_LOCK_RESERVED ? 1 : 0;
    return SQLITE_OK;
  }

  static int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector_size(sqlite3_file*) { return kPageCacheSectorSize; }
  static int characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  static int map_shared(sqlite3_file* handle, int region, int size, int extend, void volatile** memory) {
    const File& file = of(handle);
    auto& regions = file.vfs->shared_[*file.name].regions;
    const auto wanted = static_cast<std::size_t>(region);
    while (extend != 0 && regions.size() <= wanted) {
      regions.push_back(std::make_unique<std::byte[]>(static_cast<std::size_t>(size)));
    }
    *memory = regions.size() > wanted ? regions[wanted].get() : nullptr;
    return SQLITE_OK;
  }
  static int lock_shared(sqlite3_file* handle, int offset, int count, int flags) {
    File& file = of(handle);
    const std::uint32_t mask = ((1U << static_cast<unsigned>(count)) - 1U) << static_cast<unsigned>(offset);
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
      file.shared_locks &= ~mask;
      file.exclusive_locks &= ~mask;
      return SQLITE_OK;
    }
    std::uint32_t taken = 0;
    for (const File* other : file.vfs->open_) {
      if (other != &file && *other->name == *file.name) {
        taken |= other->exclusive_locks | ((flags & SQLITE_SHM_EXCLUSIVE) != 0 ? other->shared_locks : 0U);
      }
    }
    if ((taken & mask) != 0) {
      return SQLITE_BUSY;
    }
    ((flags & SQLITE_SHM_EXCLUSIVE) != 0 ? file.exclusive_locks : file.shared_locks) |= mask;
    return SQLITE_OK;
  }
  static void barrier(sqlite3_file*) {}
  static int unmap_shared(sqlite3_file* handle, int deletes) {
    File& file = of(handle);
    file.shared_locks = 0;
    file.exclusive_locks = 0;
    if (deletes != 0) {
      file.vfs->shared_.erase(*file.name);
    }
    return SQLITE_OK;
  }

  static DiskVfs& vfs_of(sqlite3_vfs* vfs) { return *static_cast<DiskVfs*>(vfs->pAppData); }
  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* handle, int flags, int* flags_out) {
    static const sqlite3_io_methods kMethods = {2,
                                                close,
                                                read,
                                                write,
                                                truncate,
                                                sync,
                                                file_size,
                                                lock,
                                                unlock,
                                                check_reserved,
                                                control,
                                                sector_size,
                                                characteristics,
                                                map_shared,
                                                lock_shared,
                                                barrier,
                                                unmap_shared,
                                                nullptr,
                                                nullptr};
    DiskVfs& self = vfs_of(vfs);
    handle->pMethods = nullptr;
    if (name != nullptr && self.disk_.find(name) == Disk::kNone) {
      if ((flags & SQLITE_OPEN_CREATE) == 0) {
        return SQLITE_CANTOPEN;
      }
      self.perform({.kind = Operation::Kind::kCreate, .name = name, .data = {}});
    }
    const bool is_log = (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL)) != 0;
    new (handle) File{.base = {&kMethods},
                      .vfs = &self,
                      .name = name == nullptr ? nullptr : new std::string(name),
                      .scratch = name == nullptr ? new std::vector<std::byte> : nullptr,
                      .syncs_folder = is_log && (flags & SQLITE_OPEN_CREATE) != 0,
                      .lock = SQLITE_LOCK_NONE,
                      .shared_locks = 0,
                      .exclusive_locks = 0};
    if (name != nullptr) {
      self.open_.push_back(&of(handle));
    }
    if (flags_out != nullptr) {
      *flags_out = flags;
    }
    return SQLITE_OK;
  }
  static int remove(sqlite3_vfs* vfs, const char* name, int syncs_folder) {
    DiskVfs& self = vfs_of(vfs);
    if (self.disk_.find(name) == Disk::kNone) {
      return SQLITE_IOERR_DELETE_NOENT;
    }
    self.perform({.kind = Operation::Kind::kDelete, .name = name, .data = {}, .folder = syncs_folder != 0});
    return SQLITE_OK;
  }
  static int access(sqlite3_vfs* vfs, const char* name, int, int* result) {
    *result = vfs_of(vfs).disk_.find(name) != Disk::kNone ? 1 : 0;
    return SQLITE_OK;
  }
  static int full_path(sqlite3_vfs*, const char* name, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", name);
    return SQLITE_OK;
  }
  static int randomness(sqlite3_vfs* vfs, int size, char* out) {
    return vfs_of(vfs).system_->xRandomness(vfs_of(vfs).system_, size, out);
  }
  // Nobody else runs meanwhile: whoever is waited for does not let go.
  static int sleep(sqlite3_vfs*, int microseconds) { return microseconds; }
  static int time(sqlite3_vfs* vfs, double* now) { return vfs_of(vfs).system_->xCurrentTime(vfs_of(vfs).system_, now); }
  static int last_error(sqlite3_vfs*, int, char*) { return 0; }
};

DiskVfs::DiskVfs() : system_(sqlite3_vfs_find(nullptr)) {
  vfs_.iVersion = 1;
  vfs_.szOsFile = sizeof(File);
  vfs_.mxPathname = kPathSizeMax;
  vfs_.zName = "cubby-disk";
  vfs_.pAppData = this;
  vfs_.xOpen = Methods::open;
  vfs_.xDelete = Methods::remove;
  vfs_.xAccess = Methods::access;
  vfs_.xFullPathname = Methods::full_path;
  vfs_.xRandomness = Methods::randomness;
  vfs_.xSleep = Methods::sleep;
  vfs_.xCurrentTime = Methods::time;
  vfs_.xGetLastError = Methods::last_error;
  CUBBY_ASSERT(sqlite3_vfs_register(&vfs_, 1) == SQLITE_OK);
}

DiskVfs::~DiskVfs() {
  CUBBY_ASSERT(open_.empty());
  sqlite3_vfs_unregister(&vfs_);
  sqlite3_vfs_register(system_, 1);
}

void DiskVfs::insert(Disk disk) {
  CUBBY_ASSERT(open_.empty());
  disk_ = std::move(disk);
  shared_.clear();
}

void DiskVfs::arm(Fault fault) {
  fault_ = fault;
  struck_ = false;
  reads_ = 0;
  writes_ = 0;
  syncs_ = 0;
}

std::uint64_t DiskVfs::seen(Fault::Kind kind) const {
  switch (kind) {
    case Fault::Kind::kNone:
      return 0;
    case Fault::Kind::kRead:
      return reads_;
    case Fault::Kind::kFull:
    case Fault::Kind::kWrite:
      return writes_;
    case Fault::Kind::kSync:
    case Fault::Kind::kSyncForgets:
      return syncs_;
  }
  return 0;
}

// Asked once for each kind that an operation may fail with; the operation is counted by the caller's first question.
bool DiskVfs::strikes(Fault::Kind kind) {
  std::uint64_t number = 0;
  if (kind == Fault::Kind::kRead) {
    number = reads_++;
  } else if (kind == Fault::Kind::kFull) {
    number = writes_++;
  } else if (kind == Fault::Kind::kWrite) {
    number = writes_ - 1;
  } else if (kind == Fault::Kind::kSyncForgets) {
    number = syncs_++;
  } else {
    number = syncs_ - 1;
  }
  const bool now = fault_.kind == kind && (number == fault_.at || (fault_.lasts && number > fault_.at));
  struck_ = struck_ || now;
  return now;
}

void DiskVfs::perform(Operation operation) {
  disk_.apply(operation);
  if (log_ != nullptr) {
    log_->push_back(std::move(operation));
  }
}

}  // namespace cubby::aggregator_store
