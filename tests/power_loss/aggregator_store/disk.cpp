#include "power_loss/aggregator_store/disk.h"

#include <algorithm>

#include "firmware/base/assert.h"

namespace cubby::aggregator_store {

const char* to_string(CutMode mode) {
  switch (mode) {
    case CutMode::kKept:
      return "kept";
    case CutMode::kDropped:
      return "dropped";
    case CutMode::kTorn:
      return "torn";
    case CutMode::kLastOnly:
      return "last-only";
    case CutMode::kKilled:
      return "killed";
    case CutMode::kSome:
      return "some";
  }
  return "?";
}

std::size_t Disk::find(const std::string& name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? kNone : found->second;
}

void Disk::change(std::vector<std::byte>& bytes, const Change& change) {
  if (change.truncates) {
    bytes.resize(change.offset);
    return;
  }
  bytes.resize(std::max<std::size_t>(bytes.size(), change.offset + change.data.size()));
  std::copy(change.data.begin(), change.data.end(), bytes.begin() + static_cast<std::ptrdiff_t>(change.offset));
}

// A sector that did not get there leaves what was there, or a hole of zeros.
void Disk::change_some(std::vector<std::byte>& bytes, const Change& whole, std::uint64_t kept_of_8, Prng& prng) {
  if (whole.truncates) {
    if (prng.below(8) < kept_of_8) {
      change(bytes, whole);
    }
    return;
  }
  for (std::uint64_t at = 0; at < whole.data.size();) {
    const std::uint64_t sector_end = (whole.offset + at) / kSectorSize * kSectorSize + kSectorSize - whole.offset;
    const std::uint64_t end = std::min<std::uint64_t>(sector_end, whole.data.size());
    if (prng.below(8) < kept_of_8) {
      change(bytes, {.offset = whole.offset + at,
                     .data = {whole.data.begin() + static_cast<std::ptrdiff_t>(at),
                              whole.data.begin() + static_cast<std::ptrdiff_t>(end)}});
    }
    at = end;
  }
}

void Disk::rename(Names& names, const NameChange& change) {
  if (change.file == kNone) {
    names.erase(change.name);
  } else {
    names[change.name] = change.file;
  }
}

void Disk::sync_names() {
  durable_names_ = names_;
  name_changes_.clear();
}

void Disk::apply(const Operation& operation) {
  if (operation.kind == Operation::Kind::kCreate) {
    name_changes_.push_back({.name = operation.name, .file = files_.size()});
    files_.emplace_back();
    rename(names_, name_changes_.back());
    return;
  }
  last_ = find(operation.name);
  CUBBY_ASSERT(last_ != kNone);
  File& file = files_[last_];
  switch (operation.kind) {
    case Operation::Kind::kCreate:
      break;
    case Operation::Kind::kDelete:
      name_changes_.push_back({.name = operation.name});
      rename(names_, name_changes_.back());
      break;
    case Operation::Kind::kWrite:
    case Operation::Kind::kTruncate:
      file.unsynced.push_back({.truncates = operation.kind == Operation::Kind::kTruncate,
                               .offset = operation.offset,
                               .data = operation.data});
      change(file.now, file.unsynced.back());
      break;
    case Operation::Kind::kSync:
      for (const Change& each : file.unsynced) {
        change(file.durable, each);
      }
      file.unsynced.clear();
      break;
  }
  if (operation.folder) {
    sync_names();
  }
}

void Disk::fail_sync(const std::string& name) {
  files_[find(name)].unsynced.clear();
}

std::vector<std::byte> Disk::survive(const File& file, bool holds_last, CutMode mode, Prng& prng) {
  if (mode == CutMode::kKept) {
    std::vector<std::byte> bytes = file.durable;
    std::for_each(file.unsynced.begin(), file.unsynced.end(), [&](const Change& each) { change(bytes, each); });
    return bytes;
  }
  std::vector<std::byte> bytes = file.durable;
  const std::uint64_t kept_of_8 = 1 + prng.below(7);
  for (std::size_t i = 0; i < file.unsynced.size(); ++i) {
    const bool is_last = holds_last && i + 1 == file.unsynced.size();
    Change each = file.unsynced[i];
    if (mode == CutMode::kSome) {
      change_some(bytes, each, kept_of_8, prng);
    } else if (mode == CutMode::kTorn) {
      if (is_last && !each.truncates) {
        const std::uint64_t middle = each.offset + each.data.size() / 2;
        const std::uint64_t end = std::max(middle / kSectorSize * kSectorSize, each.offset);
        each.data.resize(end - each.offset);
      }
      if (!is_last || !each.data.empty()) {
        change(bytes, each);
      }
    } else if (mode == CutMode::kLastOnly && is_last) {
      change(bytes, each);
    }
  }
  return bytes;
}

Disk Disk::cut(CutMode mode, Prng& prng) const {
  if (mode == CutMode::kKilled) {
    return *this;
  }
  Names names = durable_names_;
  // Names change in order: the file system keeps a log of them.
  const std::size_t changes = name_changes_.size();
  const std::size_t kept = mode == CutMode::kKept || mode == CutMode::kTorn ? changes
                           : mode == CutMode::kSome                         ? prng.below(changes + 1)
                                                                            : 0;
  for (std::size_t i = 0; i < kept; ++i) {
    rename(names, name_changes_[i]);
  }
  Disk after;
  for (const auto& [name, file] : names) {
    File& survivor = after.files_.emplace_back();
    survivor.durable = survive(files_[file], file == last_, mode, prng);
    survivor.now = survivor.durable;
    after.names_[name] = after.files_.size() - 1;
  }
  after.durable_names_ = after.names_;
  return after;
}

}  // namespace cubby::aggregator_store
