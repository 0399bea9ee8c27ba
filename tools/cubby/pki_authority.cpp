#include "tools/cubby/pki_authority.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <tuple>
#include <utility>

#include "tools/cubby/board_descriptor.h"
#include "tools/cubby/pki_x509.h"

namespace cubby::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kClocksDifferS = 300;  // Certificates and lists hold already for who is so much behind.
constexpr mode_t kPrivate = 0600;
constexpr mode_t kPublic = 0644;

std::string describe(const fs::path& file, const char* what) {
  return file.string() + ": " + what + ": " + std::strerror(errno);
}

std::string write_all(const fs::path& file, int flags, const std::string& text, mode_t mode) {
  const Descriptor out(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode));
  if (out.get() < 0) {
    return describe(file, "cannot make this file");
  }
  if (::write(out.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || fsync(out.get()) != 0) {
    return describe(file, "cannot write");
  }
  return {};
}

std::string write_new(const fs::path& file, const std::string& text, mode_t mode) {
  return text.empty() ? file.string() + ": OpenSSL could not make it" : write_all(file, O_EXCL, text, mode);
}

// Whoever reads it meanwhile has the old text or the new one.
std::string replace(const fs::path& file, const std::string& text) {
  const fs::path temporary = file.string() + ".new";
  if (std::string error = write_all(temporary, O_TRUNC, text, kPublic); !error.empty()) {
    return error;
  }
  return ::rename(temporary.c_str(), file.c_str()) == 0 ? std::string() : describe(file, "cannot be replaced");
}

std::string make_folder(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0) {
    return {};
  }
  std::error_code code;
  return errno == EEXIST && fs::is_directory(folder, code) ? std::string()
                                                           : describe(folder, "cannot make this folder");
}

std::string make_folders(const fs::path& folder) {
  std::error_code code;
  if (folder.has_parent_path() && !fs::exists(folder.parent_path(), code)) {
    if (std::string error = make_folders(folder.parent_path()); !error.empty()) {
      return error;
    }
  }
  return make_folder(folder);
}

struct File {
  const char* name;
  std::string text;
  mode_t mode;
};

// All of them or none.
std::string write_files(const fs::path& folder, const std::vector<File>& files) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    std::string error = write_new(folder / files[i].name, files[i].text, files[i].mode);
    if (error.empty()) {
      continue;
    }
    for (std::size_t made = 0; made < i; ++made) {
      ::unlink((folder / files[made].name).c_str());
    }
    return error;
  }
  return {};
}

}  // namespace

struct PkiAuthority::Parts {
  fs::path folder;
  Descriptor lock;
  pki::X509Ptr root;
  pki::KeyPtr key;
  pki::CrlPtr list;
};

PkiAuthority::PkiAuthority(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
PkiAuthority::~PkiAuthority() = default;

std::string PkiAuthority::init(const fs::path& folder, std::int64_t now_utc_s) {
  std::error_code code;
  if (fs::exists(folder, code) && (!fs::is_directory(folder, code) || !fs::is_empty(folder, code))) {
    return folder.string() + ": is there already and not empty; an authority is never overwritten";
  }
  if (std::string error = make_folders(folder); !error.empty()) {
    return error;
  }
  if (::chmod(folder.c_str(), 0700) != 0) {
    return describe(folder, "cannot be closed to others");
  }
  const pki::KeyPtr key = pki::make_key();
  const pki::X509Ptr root = key == nullptr ? nullptr
                                           : pki::make_root(key.get(), {.begins_utc_s = now_utc_s - kClocksDifferS,
                                                                        .ends_utc_s = now_utc_s + kRootValidS});
  const pki::CrlPtr list =
      root == nullptr ? nullptr : pki::make_list(root.get(), key.get(), now_utc_s - kClocksDifferS);
  if (list == nullptr) {
    return folder.string() + ": OpenSSL could not make an authority";
  }
  for (const char* name : {"certs", "issued"}) {
    if (std::string error = make_folder(folder / name); !error.empty()) {
      return error;
    }
  }
  return write_files(folder, {{"ca.key", pki::to_pem(key.get()), kPrivate},
                              {"ca.pem", pki::to_pem(root.get()), kPublic},
                              {"crl.pem", pki::to_pem(list.get()), kPublic}});
}

std::unique_ptr<PkiAuthority> PkiAuthority::open(const fs::path& folder, std::string& error) {
  auto parts = std::make_unique<Parts>();
  parts->folder = folder;
  parts->lock = Descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parts->lock.get() < 0) {
    error = describe(folder, "is no authority") + "; `cubby pki init` makes one";
    return nullptr;
  }
  if (flock(parts->lock.get(), LOCK_EX | LOCK_NB) != 0) {
    error = folder.string() + ": another `cubby pki` is at work there";
    return nullptr;
  }
  struct stat status {};
  const fs::path key_file = folder / "ca.key";
  if (stat(key_file.c_str(), &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    error = key_file.string() + ": others can read this key; run: chmod 600 " + key_file.string();
    return nullptr;
  }
  parts->root = pki::read_certificate_file(folder / "ca.pem");
  parts->key = pki::read_key_file(key_file);
  parts->list = pki::read_list_file(folder / "crl.pem");
  if (parts->root == nullptr || parts->key == nullptr || parts->list == nullptr ||
      X509_check_private_key(parts->root.get(), parts->key.get()) != 1 ||
      X509_CRL_verify(parts->list.get(), parts->key.get()) != 1) {
    error = folder.string() + ": is no whole authority: ca.pem, ca.key and crl.pem that belong together are needed";
    return nullptr;
  }
  return std::unique_ptr<PkiAuthority>(new PkiAuthority(std::move(parts)));
}

std::string make_signing_request(const std::string& name, const fs::path& folder) {
  const pki::KeyPtr key = pki::make_key();
  const pki::RequestPtr request = key == nullptr ? nullptr : pki::make_request(key.get(), name);
  if (request == nullptr) {
    return "OpenSSL could not make a signing request";
  }
  std::string error = make_folders(folder);
  return error.empty() ? write_files(folder, {{"key.pem", pki::to_pem(key.get()), kPrivate},
                                              {"request.pem", pki::to_pem(request.get()), kPublic}})
                       : error;
}

std::string PkiAuthority::issue(const PkiRequest& request, std::int64_t now_utc_s, fs::path& folder) {
  const tls::Identity& identity = request.identity;
  const std::vector<PkiEntry> known = list();
  const auto valid = std::find_if(known.begin(), known.end(), [&](const PkiEntry& it) {
    return it.certificate.identity.role == identity.role && it.certificate.identity.name == identity.name &&
           !it.revoked && it.certificate.expires_utc_s > now_utc_s;
  });
  if (valid != known.end() && !request.renew) {
    return std::string(to_text(identity.role)) + " " + identity.name + " has a valid certificate, " +
           valid->certificate.serial + "; revoke it, or ask for a second one with --renew";
  }
  const std::int64_t end = std::min(now_utc_s + request.valid_s, pki::end_of(parts_->root.get()));
  if (end <= now_utc_s) {
    return parts_->folder.string() + ": the authority has expired";
  }
  folder = request.to.empty() ? parts_->folder / "issued" / to_text(identity.role) / identity.name : request.to;
  for (const char* name : {"cert.pem", "key.pem", "ca.pem"}) {
    const bool may_be_there = !request.csr.empty() && name == std::string_view("key.pem");  // Of the request.
    if (std::error_code code; !may_be_there && fs::exists(fs::symlink_status(folder / name, code))) {
      return (folder / name).string() + ": is there already and is never overwritten; another folder with --to";
    }
  }
  std::string why = "OpenSSL could not make a key";
  const pki::KeyPtr key =
      request.csr.empty() ? pki::make_key() : pki::key_of_request_file(request.csr.string(), identity.name, why);
  if (key == nullptr) {
    return why;
  }
  const pki::X509Ptr leaf = pki::make_leaf(parts_->root.get(), parts_->key.get(), key.get(), identity, request.hosts,
                                           {.begins_utc_s = now_utc_s - kClocksDifferS, .ends_utc_s = end});
  if (leaf == nullptr) {
    return "OpenSSL could not make the certificate";
  }
  const std::string text = pki::to_pem(leaf.get());
  std::vector<File> files{{"ca.pem", pki::to_pem(parts_->root.get()), kPublic}, {"cert.pem", text, kPublic}};
  if (request.csr.empty()) {
    files.insert(files.begin(), {"key.pem", pki::to_pem(key.get()), kPrivate});
  }
  if (identity.role == tls::Role::kAggregator) {
    files.push_back({"crl.pem", pki::to_pem(parts_->list.get()), kPublic});
  }
  // The copy first: what is not in the books could not be revoked.
  const std::string serial = pki::serial_of(leaf.get());
  const fs::path copy = parts_->folder / "certs" / (serial + ".pem");
  std::string error = make_folders(folder);
  error = error.empty() ? write_new(copy, text, kPublic) : error;
  if (error.empty()) {
    error = write_files(folder, files);
    if (!error.empty()) {
      ::unlink(copy.c_str());
    }
  }
  return error;
}

std::string PkiAuthority::revoke(tls::Role role, const std::string& name, std::int64_t now_utc_s, std::size_t& count) {
  std::vector<PkiEntry> mine = list();
  std::erase_if(mine, [&](const PkiEntry& it) {
    return it.certificate.identity.role != role || it.certificate.identity.name != name;
  });
  if (mine.empty()) {
    return std::string(to_text(role)) + " " + name + " has no certificate; `cubby pki list` shows who has";
  }
  return revoke(mine, now_utc_s, count);
}

std::string PkiAuthority::revoke_serial(const std::string& serial, std::int64_t now_utc_s, std::size_t& count) {
  std::vector<PkiEntry> mine = list();
  std::erase_if(mine, [&](const PkiEntry& it) { return it.certificate.serial != serial; });
  if (mine.empty()) {
    return "no certificate has the serial number " + serial + "; `cubby pki list` shows them";
  }
  return revoke(mine, now_utc_s, count);
}

std::string PkiAuthority::revoke(const std::vector<PkiEntry>& entries, std::int64_t now_utc_s, std::size_t& count) {
  std::vector<std::string> serials;
  for (const PkiEntry& entry : entries) {
    if (!entry.revoked) {
      serials.push_back(entry.certificate.serial);
    }
  }
  count = serials.size();
  if (!serials.empty() &&
      !pki::extend_list(parts_->list.get(), parts_->key.get(), serials, now_utc_s - kClocksDifferS)) {
    return "OpenSSL could not sign the revocation list";
  }
  // Written also if there is nothing new: the last time may have ended between two of these files.
  const std::string text = pki::to_pem(parts_->list.get());
  if (std::string error = replace(parts_->folder / "crl.pem", text); !error.empty()) {
    return error;
  }
  std::error_code code;
  for (const auto& folder : fs::directory_iterator(parts_->folder / "issued" / "aggregator", code)) {
    if (fs::exists(folder.path() / "crl.pem", code)) {
      if (std::string error = replace(folder.path() / "crl.pem", text); !error.empty()) {
        return error;
      }
    }
  }
  return {};
}

std::vector<PkiEntry> PkiAuthority::list() const {
  std::vector<PkiEntry> entries;
  std::error_code code;
  for (const auto& file : fs::directory_iterator(parts_->folder / "certs", code)) {
    if (auto certificate = tls::read_certificate(file.path()); certificate.has_value()) {
      const bool revoked = pki::is_in_list(parts_->list.get(), certificate->serial);
      entries.push_back({.certificate = std::move(*certificate), .revoked = revoked});
    }
  }
  const auto key = [](const PkiEntry& it) {
    return std::tie(it.certificate.identity.role, it.certificate.identity.name, it.certificate.begins_utc_s,
                    it.certificate.serial);
  };
  std::sort(entries.begin(), entries.end(), [&](const PkiEntry& a, const PkiEntry& b) { return key(a) < key(b); });
  return entries;
}

}  // namespace cubby::tools
