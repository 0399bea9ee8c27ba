#include "tools/cubby/flash_pull.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <vector>

#include "emulator/hardware/nor_flash_device.h"
#include "firmware/base/crc.h"
#include "tools/aggregator/storage/sqlite.h"
#include "tools/cubby/board_descriptor.h"
#include "tools/cubby/flash_image.h"

namespace cubby::tools {
namespace {

constexpr std::string_view kQuery =
    "SELECT s.state, f.place FROM flash f JOIN stations s USING (station) WHERE f.name = ?";
constexpr std::size_t kChecksumSize = 4;

/// Takes the saved flash apart, as NorFlashDevice::save() has put it together. False: that is none.
bool read_saved(Bytes saved, std::vector<std::byte>& image, std::vector<std::uint32_t>& wear) {
  if (saved.size() < 8) {
    return false;
  }
  const hal::FlashGeometry geometry{.sector_size = load_le<std::uint32_t>(saved),
                                    .sector_count = load_le<std::uint32_t>(saved.subspan(4)),
                                    .program_size = 1,
                                    .page_size = 256};
  if (!std::has_single_bit(geometry.sector_size) || geometry.sector_size < kSectorSizeMin ||
      geometry.sector_size > kSectorSizeMax || geometry.sector_count < kSectorsMin ||
      geometry.sector_count > limits::kSectorsMax) {
    return false;
  }
  emulator::NorFlashDevice device(geometry);
  image.resize(geometry.size());
  if (!device.load(saved) || device.read(0, image) != Status::kOk) {
    return false;
  }
  for (std::uint32_t i = 0; i < geometry.sector_count; ++i) {
    wear.push_back(device.erases_of(i));
  }
  return true;
}

std::string write_new_file(const std::string& path, Bytes image) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) {
    return "--out: " + path + ": cannot make this file: " + std::strerror(errno);
  }
  if (write(file.get(), image.data(), image.size()) != static_cast<ssize_t>(image.size()) || fsync(file.get()) != 0) {
    const std::string why = std::strerror(errno);
    (void)unlink(path.c_str());
    return "--out: " + path + ": cannot be written: " + why;
  }
  return {};
}

}  // namespace

std::string pull_flash(const FlashPull& pull, std::ostream& talk) {
  const std::string file = pull.state + "/state.db";
  aggregator::Database database;
  // An emulator holds its state as long as it runs: waiting for it would be in vain.
  if (!database.open(file, aggregator::Database::Mode::kReadOnly) || !database.run("PRAGMA busy_timeout = 0")) {
    return "--state: " + file + ": " + database.error();
  }
  aggregator::Statement query(database, kQuery);
  if (!query.ok()) {
    const int code = database.error_code() & 0xFF;
    return "--state: " + file + ": " +
           (code == SQLITE_BUSY    ? "an emulator is using it; end it first"
            : code == SQLITE_ERROR ? "no emulator of this version has saved here"
                                   : database.error());
  }
  query.bind(1, std::string_view(pull.station));
  if (!query.row()) {
    return query.failed() ? "--state: " + file + ": " + database.error()
                          : "--station: the state has no " + pull.station;
  }
  const Bytes state = query.blob(0);
  const std::uint64_t place = query.unsigned_number(1);
  std::vector<std::byte> image;
  std::vector<std::uint32_t> wear;
  if (state.size() < kChecksumSize || place > state.size() - kChecksumSize ||
      load_le<std::uint32_t>(state.last(kChecksumSize)) != crc32c(state.first(state.size() - kChecksumSize)) ||
      !read_saved(state.first(state.size() - kChecksumSize).subspan(place), image, wear)) {
    return "--state: " + file + ": what it has of " + pull.station + " is damaged";
  }
  if (std::string wrong = write_new_file(pull.out, image); !wrong.empty()) {
    return wrong;
  }
  const auto [least, most] = std::minmax_element(wear.begin(), wear.end());
  talk << pull.station << ": " << image.size() << " bytes, " << wear.size() << " sectors, erased "
       << std::accumulate(wear.begin(), wear.end(), std::uint64_t{0}) << " times; the least worn " << *least
       << ", the most worn " << *most << '\n';
  return {};
}

}  // namespace cubby::tools
