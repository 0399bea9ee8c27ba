#include "firmware/ports/posix/station_page_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "firmware/app/station_page.h"
#include "firmware/ports/posix/host_files.h"

namespace cubby::posix {

std::string write_station_page_file(const ControllerConfig& config, const std::string& path) {
  std::string why;
  const auto station_keys = read_station_keys(config.port.station_key_file, why);
  const auto pass_key = station_keys.has_value() ? read_key_file(config.port.pass_key_file, why) : std::nullopt;
  if (!pass_key.has_value()) {
    return why;
  }
  app::StationPage page{.config = config.encoded,
                        .station_keys = *station_keys,
                        .pass_key = *pass_key,
                        .announce_new_journal = config.port.new_journal};
  if (KernelRandom().fill(page.seed) != Status::kOk) {
    return "the kernel has no random bytes";
  }
  std::vector<std::byte> bytes(app::kStationPageSize);
  if (app::write_station_page(page, bytes) != Status::kOk) {
    return "the configuration is too long";
  }
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) {
    return path + ": cannot make this file: " + std::strerror(errno);
  }
  if (write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()) || fsync(file.get()) != 0) {
    why = path + ": cannot write: " + std::strerror(errno);
    unlink(path.c_str());
  }
  return why;
}

}  // namespace cubby::posix
