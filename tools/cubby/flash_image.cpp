#include "tools/cubby/flash_image.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>

#include "tools/cubby/board_descriptor.h"

namespace cubby::tools {
namespace {

namespace layout = store::layout;

constexpr std::byte kErased{0xFF};
constexpr std::size_t kRecordSizeMax = layout::kEventHeaderSize + limits::kEventBytesMax;
constexpr std::array<std::uint32_t, 7> kUnits{4, 8, 16, 32, 64, 128, 256};

/// Sector size that the header at these bytes names; 0: it is none.
std::uint32_t size_named_by(Bytes bytes) {
  const auto log2 = std::to_integer<unsigned>(bytes[5]);
  if (log2 < 12 || log2 > 16) {
    return 0;
  }
  const std::uint32_t size = 1U << log2;
  layout::SectorHeader header;
  const layout::HeaderCheck check = layout::decode(bytes, size, header);
  return check == layout::HeaderCheck::kOk || check == layout::HeaderCheck::kNewer ? size : 0;
}

void find_sector_size(FlashImage& image) {
  std::array<std::uint32_t, 17> votes{};  // By log2 of the size.
  for (std::size_t at = 0; at + layout::kSectorHeaderSize <= image.bytes.size(); at += kSectorSizeMin) {
    const std::uint32_t size = size_named_by(Bytes(image.bytes).subspan(at, layout::kSectorHeaderSize));
    if (size != 0 && at % size == 0) {
      ++votes[static_cast<std::size_t>(std::countr_zero(size))];
    }
  }
  const auto most = std::max_element(votes.begin(), votes.end());
  if (*most != 0) {
    image.sector_size = 1U << static_cast<unsigned>(most - votes.begin());
    image.sector_size_found = true;
  }
}

/// Records that follow each other from the headers on, if they are padded to the unit of `image`.
std::size_t records_in_a_row(const FlashImage& image) {
  std::size_t count = 0;
  for (std::uint32_t sector = 0; sector < image.sector_count(); ++sector) {
    layout::SectorHeader header;
    if (layout::decode(image.sector(sector), image.sector_size, header) != layout::HeaderCheck::kOk) {
      continue;
    }
    std::uint32_t offset = image.data_offset();
    while (const auto record = record_at(image, sector, offset, header.serial)) {
      ++count;
      offset += record->stored;
    }
  }
  return count;
}

void find_unit(FlashImage& image) {
  std::size_t most = 0;
  std::uint32_t best = image.unit;
  for (const std::uint32_t unit : kUnits) {
    image.unit = unit;
    if (const std::size_t count = records_in_a_row(image); count > most) {
      most = count;
      best = unit;
    }
  }
  image.unit = best;
  image.unit_found = most != 0;
}

}  // namespace

std::string read_flash_file(const std::string& path, std::vector<std::byte>& bytes, bool& in_use) {
  // Not waited for: a pipe without a writer would never answer.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    return path + ": cannot be opened: " + std::strerror(errno);
  }
  struct stat status {};
  if (fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return path + ": is not a file";
  }
  if (static_cast<std::uint64_t>(status.st_size) > kImageBytesMax) {
    return path + ": has " + std::to_string(status.st_size) + " bytes; no journal is larger than " +
           std::to_string(kImageBytesMax);
  }
  in_use = flock(file.get(), LOCK_SH | LOCK_NB) != 0;
  if (!in_use) {
    (void)flock(file.get(), LOCK_UN);  // A controller that starts now must not find it locked.
  }
  bytes.resize(static_cast<std::size_t>(status.st_size));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = read(file.get(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return path + ": cannot be read: " + std::strerror(errno);
    }
    if (count == 0) {
      break;  // It became shorter meanwhile.
    }
    done += static_cast<std::size_t>(count);
  }
  bytes.resize(done);
  return {};
}

FlashImage make_flash_image(std::vector<std::byte> bytes, const FlashHints& hints) {
  FlashImage image;
  image.bytes = std::move(bytes);
  if (hints.sector_size != 0) {
    image.sector_size = hints.sector_size;
  } else {
    find_sector_size(image);
  }
  if (hints.unit != 0) {
    image.unit = hints.unit;
  } else {
    find_unit(image);
  }
  return image;
}

std::optional<FlashRecord> record_at(const FlashImage& image, std::uint32_t sector, std::uint32_t offset,
                                     std::uint64_t serial) {
  const Bytes bytes = image.sector(sector);
  if (offset + layout::kInternalHeaderSize > bytes.size()) {
    return std::nullopt;
  }
  const auto record_class = std::to_integer<std::uint8_t>(bytes[offset]);
  const std::size_t head_size = layout::header_size(record_class);
  if ((record_class != 1 && record_class != 2) || offset + head_size > bytes.size()) {
    return std::nullopt;
  }
  FlashRecord record;
  record.offset = offset;
  const Bytes head = bytes.subspan(offset, head_size);
  if (!layout::decode(head, record.header)) {
    return std::nullopt;
  }
  const std::size_t size = head_size + record.header.payload_size;
  record.stored = image.padded(size);
  if (size > kRecordSizeMax || offset + record.stored > bytes.size()) {
    return std::nullopt;
  }
  record.payload = bytes.subspan(offset + head_size, record.header.payload_size);
  if (layout::record_crc(head, record.payload, serial) != record.header.crc) {
    return std::nullopt;
  }
  return record;
}

std::optional<FlashRecord> find_record(const FlashImage& image, std::uint32_t sector, std::uint32_t offset,
                                       std::uint64_t serial) {
  for (; offset < image.sector_size; offset += image.unit) {
    if (auto record = record_at(image, sector, offset, serial)) {
      return record;
    }
  }
  return std::nullopt;
}

bool is_blank(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte value) { return value == kErased; });
}

hal::FlashGeometry geometry_of(const FlashImage& image) {
  return {.sector_size = image.sector_size,
          .sector_count = image.sector_count(),
          .program_size = image.unit > 4 ? image.unit : 1,
          .page_size = 256};
}

}  // namespace cubby::tools
