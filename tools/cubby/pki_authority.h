#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "firmware/tls/session.h"

namespace cubby::tools {

/// A certificate to be made.
struct PkiRequest {
  tls::Identity identity;
  std::vector<std::string> hosts;  // Role aggregator: addresses in digits and DNS names under which it is reached.
  std::int64_t valid_s = 0;        // From now; never beyond the authority's own end.
  bool renew = false;              // Although there is a valid one of the same role and name.
  std::filesystem::path to;        // Folder for the files; empty: issued/ROLE/NAME in the authority.
  std::filesystem::path csr;       // Signing request whose key it is for; empty: a key is made, too.
};

/// Makes a key and a signing request for it in the folder (made if missing): key.pem, request.pem. The key never has
/// to leave it. Needs no authority, overwrites nothing, returns the error.
std::string make_signing_request(const std::string& name, const std::filesystem::path& folder);

struct PkiEntry {
  tls::Certificate certificate;
  bool revoked = false;
};

/// A private authority in a folder: the root's certificate and key, the revocation list, a copy of each certificate
/// that was issued. docs/operations.md, "An authority of your own". Errors are one line for a person.
class PkiAuthority {
 public:
  static constexpr std::int64_t kRootValidS = std::int64_t{3652} * 86'400;  // Ten years.

  /// Makes the folder (mode 0700), which must not be there, or be empty. Returns the error.
  static std::string init(const std::filesystem::path& folder, std::int64_t now_utc_s);
  /// Opens it for one user at a time; null: `error`.
  static std::unique_ptr<PkiAuthority> open(const std::filesystem::path& folder, std::string& error);
  ~PkiAuthority();

  /// Returns the error; `folder` is where cert.pem, key.pem and ca.pem are then (and crl.pem for an aggregator; no
  /// key.pem where a signing request was given).
  /// Nothing is overwritten, and after an error there is no new certificate.
  std::string issue(const PkiRequest& request, std::int64_t now_utc_s, std::filesystem::path& folder);
  /// Puts every certificate of that role and name that is not in the list yet there, also into the crl.pem of the
  /// aggregators in issued/. `count`: how many.
  std::string revoke(tls::Role role, const std::string& name, std::int64_t now_utc_s, std::size_t& count);
  std::string revoke_serial(const std::string& serial, std::int64_t now_utc_s, std::size_t& count);
  /// By role and name, oldest first.
  std::vector<PkiEntry> list() const;

 private:
  struct Parts;
  explicit PkiAuthority(std::unique_ptr<Parts> parts);
  std::string revoke(const std::vector<PkiEntry>& entries, std::int64_t now_utc_s, std::size_t& count);
  std::unique_ptr<Parts> parts_;
};

}  // namespace cubby::tools
