#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/image.h"

namespace cubby::emulator {

/// Writes plain values one after the other into a blob: the saved state of a station. Host byte order and
/// layout: a state belongs to the build that wrote it, and says which one.
class BlobWriter {
 public:
  explicit BlobWriter(std::vector<std::byte>& blob) : blob_(blob) {}
  template <typename T>
  void value(const T& item) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto* bytes = reinterpret_cast<const std::byte*>(&item);
    blob_.insert(blob_.end(), bytes, bytes + sizeof(T));
  }
  template <typename T>
  void values(const std::vector<T>& items) {
    static_assert(std::is_trivially_copyable_v<T>);
    value(static_cast<std::uint64_t>(items.size()));
    const auto* bytes = reinterpret_cast<const std::byte*>(items.data());
    blob_.insert(blob_.end(), bytes, bytes + items.size() * sizeof(T));
  }
  void text(const std::string& item) { values(std::vector<char>(item.begin(), item.end())); }

 private:
  std::vector<std::byte>& blob_;
};

/// Reads what BlobWriter wrote; after a short read ok() is false and all values are zero.
class BlobReader {
 public:
  explicit BlobReader(Bytes blob) : rest_(blob) {}
  template <typename T>
  void value(T& item) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (!ok_ || rest_.size() < sizeof(T)) {
      ok_ = false;
      return;
    }
    std::memcpy(static_cast<void*>(&item), rest_.data(), sizeof(T));
    rest_ = rest_.subspan(sizeof(T));
  }
  template <typename T>
  void values(std::vector<T>& items) {
    std::uint64_t count = 0;
    value(count);
    if (!ok_ || count > rest_.size() / sizeof(T)) {
      ok_ = false;
      return;
    }
    items.resize(count);
    if (count > 0) {
      std::memcpy(static_cast<void*>(items.data()), rest_.data(), count * sizeof(T));
      rest_ = rest_.subspan(count * sizeof(T));
    }
  }
  void text(std::string& item) {
    std::vector<char> chars;
    values(chars);
    item.assign(chars.begin(), chars.end());
  }
  bool ok() const { return ok_; }
  Bytes& rest() { return rest_; }

 private:
  Bytes rest_;
  bool ok_ = true;
};

/// Writes a memory image (firmware/base/image.h) into a blob.
class ImageWriter {
 public:
  explicit ImageWriter(BlobWriter& writer) : writer_(writer) {}
  template <typename... T>
  void operator()(T&... items) {
    (put(items), ...);
  }

 private:
  template <typename T>
  void put(T& item) {
    if constexpr (HasImage<ImageWriter, T>) {
      item.image(*this);
    } else {
      writer_.value(item);
    }
  }
  template <typename T>
  void put(std::vector<T>& items) {
    writer_.values(items);
  }
  BlobWriter& writer_;
};

/// Reads what ImageWriter wrote.
class ImageReader {
 public:
  explicit ImageReader(BlobReader& reader) : reader_(reader) {}
  template <typename... T>
  void operator()(T&... items) {
    (take(items), ...);
  }

 private:
  template <typename T>
  void take(T& item) {
    if constexpr (HasImage<ImageReader, T>) {
      item.image(*this);
    } else {
      reader_.value(item);
    }
  }
  template <typename T>
  void take(std::vector<T>& items) {
    reader_.values(items);
  }
  BlobReader& reader_;
};

}  // namespace cubby::emulator
