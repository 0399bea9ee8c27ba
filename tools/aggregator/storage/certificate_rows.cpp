#include "tools/aggregator/storage/certificate_rows.h"

#include <algorithm>
#include <array>

namespace cubby::aggregator {
namespace {

constexpr std::array<std::byte, 1> kAnyKey{std::byte{'*'}};

// Columns `first` to `first` + 2: words, key, time. A bound one always has a key.
bool read_seen(Statement& row, int first, std::optional<CertificateSeen>& seen) {
  const Bytes key = row.blob(first + 1);
  const std::uint64_t since_utc_ms = row.unsigned_number(first + 2);
  if (key.empty() && since_utc_ms == 0) {
    return true;
  }
  seen.emplace();
  seen->holder.words = row.text(first);
  seen->since_utc_ms = since_utc_ms;
  if (key.size() == seen->holder.key.size()) {
    std::copy(key.begin(), key.end(), seen->holder.key.begin());
  }
  return key.empty() || key.size() == seen->holder.key.size();
}

bool read_next(Bytes key, CertificateBinding& binding) {
  if (key.size() == binding.next_key.size()) {
    binding.next = CertificateBinding::Next::kNamed;
    std::copy(key.begin(), key.end(), binding.next_key.begin());
    return true;
  }
  const bool any = std::ranges::equal(key, kAnyKey);
  binding.next = any ? CertificateBinding::Next::kAny : CertificateBinding::Next::kNone;
  return any || key.empty();
}

Bytes next_key(const CertificateBinding& binding) {
  switch (binding.next) {
    case CertificateBinding::Next::kNone:
      return {};
    case CertificateBinding::Next::kAny:
      return kAnyKey;
    case CertificateBinding::Next::kNamed:
      break;
  }
  return binding.next_key;
}

}  // namespace

bool CertificateRows::prepare() {
  return database_.run(
             "CREATE TABLE IF NOT EXISTS station_certificates("
             "station_id INTEGER PRIMARY KEY, "
             "holder TEXT NOT NULL, "
             "key BLOB NOT NULL, "
             "since_utc_ms INTEGER NOT NULL, "
             "next_key BLOB NOT NULL, "
             "refused_holder TEXT NOT NULL, "
             "refused_key BLOB NOT NULL, "
             "refused_utc_ms INTEGER NOT NULL)") &&
         put_.prepare(database_,
                      "INSERT OR REPLACE INTO station_certificates(station_id, holder, key, since_utc_ms, next_key, "
                      "refused_holder, refused_key, refused_utc_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)") &&
         remove_.prepare(database_, "DELETE FROM station_certificates WHERE station_id = ?1");
}

bool CertificateRows::write(std::uint32_t station_id, const CertificateBinding& binding) {
  if (!binding.is_of_interest()) {
    return remove(station_id);
  }
  const CertificateSeen none;
  const CertificateSeen& bound = binding.bound ? *binding.bound : none;
  const CertificateSeen& refused = binding.refused ? *binding.refused : none;
  return put_.bind(1, station_id)
      .bind(2, std::string_view(bound.holder.words))
      .bind(3, binding.bound ? Bytes(bound.holder.key) : Bytes())
      .bind(4, bound.since_utc_ms)
      .bind(5, next_key(binding))
      .bind(6, std::string_view(refused.holder.words))
      .bind(7, refused.holder.words.empty() ? Bytes() : Bytes(refused.holder.key))
      .bind(8, refused.since_utc_ms)
      .done();
}

bool read_certificates(Database& database,
                       const std::function<void(std::uint32_t station_id, CertificateBinding binding)>& take) {
  Statement table(database, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'station_certificates'");
  if (!table.row()) {
    return !table.failed();
  }
  Statement rows(database,
                 "SELECT station_id, holder, key, since_utc_ms, next_key, refused_holder, refused_key, "
                 "refused_utc_ms FROM station_certificates");
  while (rows.row()) {
    CertificateBinding binding;
    if (!read_seen(rows, 1, binding.bound) || !read_next(rows.blob(4), binding) ||
        !read_seen(rows, 5, binding.refused)) {
      return false;
    }
    take(static_cast<std::uint32_t>(rows.number(0)), std::move(binding));
  }
  return !rows.failed();
}

}  // namespace cubby::aggregator
