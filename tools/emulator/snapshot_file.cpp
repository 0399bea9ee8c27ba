#include "tools/emulator/snapshot_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "emulator/scenario/profile_keys.h"
#include "emulator/scenario/profiles.h"
#include "emulator/world/blob.h"
#include "firmware/base/digest.h"
#include "firmware/base/names.h"
#include "tools/emulator/profile_choice.h"
#include "tools/support/durable_file.h"

namespace cubby::tools {
namespace {

constexpr std::string_view kMagic = "CUBBYSNP";
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kHeadSize = 16;
constexpr std::size_t kDigestSize = 32;
constexpr std::uint64_t kRecordMax = 64 * 1024 * 1024;

std::vector<std::byte> head() {
  std::vector<std::byte> bytes;
  emulator::BlobWriter writer(bytes);
  const Bytes magic = as_bytes(kMagic);
  bytes.insert(bytes.end(), magic.begin(), magic.end());
  writer.value(kFormat);
  writer.value(emulator::station_image_layout());
  return bytes;
}

Bytes bytes_of(std::uint64_t&& value) = delete;  // It would be gone.
Bytes bytes_of(const std::uint64_t& value) {
  return std::as_bytes(std::span(&value, 1));
}

// Every record's digest covers all that came before it, so that no record can be left out or moved.
std::vector<std::byte> digest_of(Bytes before, const std::uint64_t& size, Bytes record) {
  const std::array<Bytes, 3> parts{before, bytes_of(size), record};
  const Sha256Digest digest = sha256(parts);
  return {digest.begin(), digest.end()};
}

// Of the newest and the older keys that a station of this fleet has.
std::vector<std::byte> key_digest(const RunOptions& options) {
  std::vector<std::byte> keys;
  for (const VersionedKey& key : options.fleet_keys.station_keys("cubby snapshot", options.key_version)) {
    keys.insert(keys.end(), key.key.begin(), key.key.end());
  }
  const std::uint64_t version = options.key_version;
  const std::array<Bytes, 2> parts{bytes_of(version), keys};
  const Sha256Digest digest = sha256(parts);
  return {digest.begin(), digest.begin() + 8};
}

class RecordWriter {
 public:
  explicit RecordWriter(DurableWriter& file) : file_(file), chain_(head()) { file_.write(chain_); }
  void write(Bytes record) {
    const std::uint64_t size = record.size();
    chain_ = digest_of(chain_, size, record);
    file_.write(bytes_of(size));
    file_.write(record);
    file_.write(chain_);
  }

 private:
  DurableWriter& file_;
  std::vector<std::byte> chain_;
};

std::vector<std::byte> option_record(const RunOptions& options, std::int64_t now_us) {
  std::vector<std::byte> record;
  emulator::BlobWriter writer(record);
  const OptionTexts texts = fleet_identity(options);
  writer.value(static_cast<std::uint64_t>(texts.size()));
  for (const auto& [name, value] : texts) {
    writer.text(name);
    writer.text(value);
  }
  writer.text(options.profile.name);
  writer.text(emulator::print_profile(options.profile));
  writer.values(key_digest(options));
  writer.value(now_us);
  writer.value(std::uint64_t{options.stations});
  return record;
}

bool read_all(int descriptor, MutableBytes into) {
  while (!into.empty()) {
    const ssize_t size = read(descriptor, into.data(), into.size());
    if (size == 0 || (size < 0 && errno != EINTR)) {
      return false;
    }
    into = into.subspan(size < 0 ? 0 : static_cast<std::size_t>(size));
  }
  return true;
}

template <typename T>
bool take_number(const std::string& text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

constexpr char kDamaged[] = "is damaged or was cut off";

}  // namespace

OptionTexts fleet_identity(const RunOptions& options) {
  return {
      {"profile", options.profile.name},
      {"profile_identity", identity_text(options.profile)},
      {"seed", std::to_string(options.seed)},
      {"stations", std::to_string(options.stations)},
      {"start_utc_ms", std::to_string(options.start_utc_ms)},
      {"report_interval_s", std::to_string(options.report_interval_s)},
      {"code_digits", std::to_string(options.code_digits)},
      {"item_sensors", options.item_sensors ? "true" : "false"},
      {"boards", options.mixed_boards ? "mixed" : std::string(to_string(options.board_family))},
      {"bus_noise", to_string(options.bus_noise)},
      {"window_s", std::to_string(options.window_s)},
      {"demand", options.demand ? "true" : "false"},
      {"run_id", std::to_string(options.run_id)},
  };
}

std::string write_snapshot(const std::string& file, const RunOptions& options, emulator::Fleet& fleet,
                           const CentreMemory& centre, std::int64_t now_us) {
  DurableWriter out(file);
  RecordWriter records(out);
  records.write(option_record(options, now_us));
  std::vector<std::byte> record;
  emulator::BlobWriter writer(record);
  writer.values(centre.marks);
  writer.values(centre.under_way);
  records.write(record);
  for (std::size_t i = 0; i < fleet.station_count(); ++i) {
    record.clear();
    if (fleet.station(i).suspend(record) != Status::kOk) {
      return file + ": only stations with P5 boards on a quiet line can be put away";
    }
    records.write(record);
  }
  return out.finish();
}

SnapshotFile::~SnapshotFile() {
  if (descriptor_ >= 0) {
    close(descriptor_);
  }
}

std::unique_ptr<SnapshotFile> SnapshotFile::open(const std::string& file, std::string& error) {
  std::unique_ptr<SnapshotFile> snapshot(new SnapshotFile);
  snapshot->file_ = file;
  disarm(snapshot->file_);
  snapshot->descriptor_ = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (snapshot->descriptor_ < 0 || fstat(snapshot->descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    error = snapshot->file_ + ": cannot be read";
    return nullptr;
  }
  snapshot->left_ = static_cast<std::uint64_t>(status.st_size);
  error = snapshot->read_head();
  if (error.empty()) {
    error = snapshot->read_options();
  }
  if (error.empty()) {
    error = snapshot->read_centre();
  }
  if (!error.empty()) {
    error = snapshot->file_ + ": " + error;
    return nullptr;
  }
  return snapshot;
}

std::string SnapshotFile::read_head() {
  const std::vector<std::byte> ours = head();
  chain_.resize(kHeadSize);
  if (left_ < kHeadSize || !read_all(descriptor_, chain_) ||
      !std::equal(ours.begin(), ours.begin() + kMagic.size(), chain_.begin())) {
    return "is no snapshot of a fleet";
  }
  left_ -= kHeadSize;
  const auto format = load_le<std::uint32_t>(Bytes(chain_).subspan(8, 4));
  if (format != kFormat) {
    return "has format " + std::to_string(format) + ", and this program reads format " + std::to_string(kFormat);
  }
  if (chain_ != ours) {
    return "was written by another build of cubby-emulator; only the same one can go on from it";
  }
  return {};
}

std::string SnapshotFile::read_record() {
  std::uint64_t size = 0;
  const MutableBytes size_bytes = std::as_writable_bytes(std::span(&size, 1));
  if (left_ < sizeof(size) + kDigestSize || !read_all(descriptor_, size_bytes)) {
    return kDamaged;
  }
  left_ -= sizeof(size) + kDigestSize;
  if (size > left_ || size > kRecordMax) {
    return kDamaged;
  }
  left_ -= size;
  record_.resize(size);
  std::vector<std::byte> digest(kDigestSize);
  if (!read_all(descriptor_, record_) || !read_all(descriptor_, digest)) {
    return kDamaged;
  }
  chain_ = digest_of(chain_, size, record_);
  return chain_ == digest ? std::string() : kDamaged;
}

std::string SnapshotFile::read_options() {
  if (std::string error = read_record(); !error.empty()) {
    return error;
  }
  emulator::BlobReader reader(record_);
  std::uint64_t count = 0;
  reader.value(count);
  for (std::uint64_t i = 0; reader.ok() && i < count; ++i) {
    auto& [name, value] = options_.emplace_back();
    reader.text(name);
    reader.text(value);
  }
  reader.text(profile_name_);
  reader.text(profile_text_);
  reader.values(fleet_key_digest_);
  reader.value(now_us_);
  reader.value(stations_);
  return reader.ok() && reader.rest().empty() && now_us_ > 0 ? std::string() : kDamaged;
}

std::string SnapshotFile::read_centre() {
  if (std::string error = read_record(); !error.empty()) {
    return error;
  }
  emulator::BlobReader reader(record_);
  reader.values(centre_.marks);
  reader.values(centre_.under_way);
  return reader.ok() && reader.rest().empty() ? std::string() : kDamaged;
}

std::vector<std::string> SnapshotFile::profile_with(const std::vector<std::string>& settings,
                                                    emulator::Profile& profile) const {
  std::vector<std::string> errors;
  for (const std::string& setting : settings) {
    std::string key = setting.substr(0, setting.find('='));
    if (emulator::may_not_change_under_way(key)) {
      errors.push_back("--set: " + key + " cannot change under way: it is built into the stations");
    }
  }
  if (!errors.empty()) {
    return errors;
  }
  emulator::ProfileRequest request;
  request.name = profile_name_;
  request.file = file_;
  request.text = profile_text_;
  request.settings = settings;
  return emulator::read_profile(request, profile);
}

std::string SnapshotFile::text_of(const std::string& name) const {
  const auto found =
      std::find_if(options_.begin(), options_.end(), [&](const auto& pair) { return pair.first == name; });
  return found == options_.end() ? std::string() : found->second;
}

std::string SnapshotFile::adopt(RunOptions& options) const {
  if (fleet_key_digest_ != key_digest(options)) {
    return file_ +
           ": its stations have another fleet key, or another version of it; give theirs with --fleet-key and "
           "--key-version";
  }
  const bool good = take_number(text_of("seed"), options.seed) && take_number(text_of("stations"), options.stations) &&
                    take_number(text_of("start_utc_ms"), options.start_utc_ms) &&
                    take_number(text_of("report_interval_s"), options.report_interval_s) &&
                    take_number(text_of("code_digits"), options.code_digits) &&
                    take_number(text_of("window_s"), options.window_s) &&
                    take_number(text_of("run_id"), options.run_id) && options.stations == stations_ &&
                    emulator::apply_noise(options.bus_noise, text_of("bus_noise")).empty();
  options.item_sensors = text_of("item_sensors") == "true";
  options.demand = text_of("demand") == "true";
  options.seed_drawn = false;
  return good ? std::string() : file_ + ": " + kDamaged;
}

std::string SnapshotFile::restore(emulator::Fleet& fleet) {
  for (std::size_t i = 0; i < fleet.station_count(); ++i) {
    if (const std::string error = read_record(); !error.empty()) {
      return file_ + ": " + error;
    }
    if (fleet.station(i).resume(record_) != Status::kOk) {
      return file_ + ": station " + std::to_string(i + 1) + " cannot be taken out of it";
    }
  }
  return left_ == 0 ? std::string() : file_ + ": " + kDamaged;
}

}  // namespace cubby::tools
