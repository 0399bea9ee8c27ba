#include <sys/stat.h>

#include <fstream>
#include <set>
#include <sstream>

#include "unit/tls/tls_lab.h"

namespace cubby::tools {
namespace {

namespace fs = std::filesystem;
using tls::Role;
using tls::testing::kDay;
using tls::testing::kNow;

unsigned mode_of(const fs::path& file) {
  struct stat status {};
  EXPECT_EQ(stat(file.c_str(), &status), 0) << file;
  return status.st_mode & 0777;
}

std::string text_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

PkiRequest station(const std::string& name) {
  return {.identity = {.role = Role::kStation, .name = name, .stations = {name}},
          .hosts = {},
          .valid_s = kDay,
          .to = {},
          .csr = {}};
}

struct Pki : ::testing::Test {
  cubby::tests::TemporaryFolder home;
  fs::path folder = home.path() / "deep" / "pki";
  fs::path made;

  void SetUp() override { ASSERT_EQ(PkiAuthority::init(folder, kNow), ""); }
  std::unique_ptr<PkiAuthority> open() {
    std::string error;
    auto authority = PkiAuthority::open(folder, error);
    EXPECT_EQ(error, "");
    return authority;
  }
  std::string refusal() {
    std::string error;
    EXPECT_EQ(PkiAuthority::open(folder, error), nullptr);
    return error;
  }
};

TEST_F(Pki, KeepsFolderAndKeysToTheirOwner) {
  EXPECT_EQ(mode_of(folder), 0700U);
  EXPECT_EQ(mode_of(folder / "ca.key"), 0600U);
  ASSERT_EQ(open()->issue(station("SX-1"), kNow, made), "");
  EXPECT_EQ(made, folder / "issued" / "station" / "SX-1");
  EXPECT_EQ(mode_of(made), 0700U);
  EXPECT_EQ(mode_of(made / "key.pem"), 0600U);
  EXPECT_FALSE(fs::exists(made / "crl.pem"));
}

TEST_F(Pki, OverwritesNothing) {
  const std::string key = text_of(folder / "ca.key");
  EXPECT_NE(PkiAuthority::init(folder, kNow).find("never overwritten"), std::string::npos);
  EXPECT_EQ(text_of(folder / "ca.key"), key);
  ASSERT_EQ(open()->issue(station("SX-1"), kNow, made), "");
  const std::string first = text_of(made / "key.pem");
  PkiRequest second = station("SX-2");
  second.to = made;
  EXPECT_NE(open()->issue(second, kNow, made).find("never overwritten"), std::string::npos);
  EXPECT_EQ(text_of(made / "key.pem"), first);
  EXPECT_EQ(open()->list().size(), 1U) << "what was refused left nothing in the books";
}

TEST_F(Pki, GivesAStationASecondCertificateOnlyWhenItIsAskedFor) {
  ASSERT_EQ(open()->issue(station("SX-1"), kNow, made), "");
  PkiRequest again = station("SX-1");
  again.to = home.path() / "again";
  EXPECT_NE(open()->issue(again, kNow + 1, made).find("has a valid certificate"), std::string::npos);
  again.renew = true;
  EXPECT_EQ(open()->issue(again, kNow + 1, made), "");
  again.renew = false;
  again.to = home.path() / "third";
  EXPECT_EQ(open()->issue(again, kNow + kDay + 2, made), "") << "the others have expired";
  EXPECT_EQ(open()->list().size(), 3U);
}

TEST_F(Pki, RevokesByNameAndBySerialAndTellsTheAggregatorsOfItsOwn) {
  PkiRequest centre{.identity = {.role = Role::kAggregator, .name = "centre", .stations = {}},
                    .hosts = {"::1"},
                    .valid_s = kDay,
                    .to = {},
                    .csr = {}};
  ASSERT_EQ(open()->issue(centre, kNow, made), "");
  const fs::path list_of_centre = made / "crl.pem";
  ASSERT_EQ(open()->issue(station("SX-1"), kNow, made), "");
  ASSERT_EQ(open()->issue(station("SX-2"), kNow, made), "");

  std::size_t count = 0;
  EXPECT_EQ(open()->revoke(Role::kStation, "SX-1", kNow, count), "");
  EXPECT_EQ(count, 1U);
  EXPECT_EQ(text_of(list_of_centre), text_of(folder / "crl.pem"));
  EXPECT_EQ(open()->revoke(Role::kStation, "SX-1", kNow, count), "");
  EXPECT_EQ(count, 0U) << "it is in the list once";
  const auto entries = open()->list();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_TRUE(entries[0].revoked);
  EXPECT_FALSE(entries[1].revoked);
  EXPECT_EQ(open()->revoke_serial(entries[1].certificate.serial, kNow, count), "");
  EXPECT_TRUE(open()->list()[1].revoked);
  EXPECT_TRUE(open()->list()[0].revoked) << "the list grows";
  EXPECT_FALSE(open()->list()[2].revoked);
  EXPECT_NE(open()->revoke(Role::kStation, "SX-3", kNow, count), "");
  EXPECT_NE(open()->revoke(Role::kConcentrator, "SX-2", kNow, count), "");
  EXPECT_NE(open()->revoke_serial("00", kNow, count), "");
}

TEST_F(Pki, SignsARequestWhoseKeyItNeverSees) {
  const fs::path cabinet = home.path() / "cabinet" / "tls";
  ASSERT_EQ(make_signing_request("SX-1", cabinet), "");
  EXPECT_EQ(mode_of(cabinet / "key.pem"), 0600U);
  const std::string key = text_of(cabinet / "key.pem");
  EXPECT_NE(make_signing_request("SX-1", cabinet), "") << "a key is never overwritten";
  EXPECT_EQ(text_of(cabinet / "key.pem"), key);
  PkiRequest asked = station("SX-1");
  asked.csr = cabinet / "request.pem";
  ASSERT_EQ(open()->issue(asked, kNow, made), "");
  EXPECT_FALSE(fs::exists(made / "key.pem"));
  fs::copy_file(made / "cert.pem", cabinet / "cert.pem");
  fs::copy_file(made / "ca.pem", cabinet / "ca.pem");
  std::string why;
  const auto credentials = tls::Credentials::load(cabinet.string(), tls::End::kClient, why);
  ASSERT_NE(credentials, nullptr) << why;
  EXPECT_EQ(credentials->own().identity.name, "SX-1");
  EXPECT_EQ(open()->list().size(), 1U) << "it is in the books and can be revoked";
  EXPECT_NE(open()->issue(asked, kNow, made).find("has a valid certificate"), std::string::npos);
}

TEST_F(Pki, MaySignIntoTheFolderOfTheKey) {
  PkiRequest asked = station("SX-1");
  asked.to = home.path() / "tls";
  asked.csr = asked.to / "request.pem";
  ASSERT_EQ(make_signing_request("SX-1", asked.to), "");
  const std::string key = text_of(asked.to / "key.pem");
  ASSERT_EQ(open()->issue(asked, kNow, made), "");
  EXPECT_EQ(text_of(asked.to / "key.pem"), key);
  std::string why;
  EXPECT_NE(tls::Credentials::load(made.string(), tls::End::kClient, why), nullptr) << why;
}

TEST_F(Pki, RefusesRequestsThatAreNotWhatTheyShouldBe) {
  const fs::path cabinet = home.path() / "cabinet";
  ASSERT_EQ(make_signing_request("SX-1", cabinet), "");
  PkiRequest other = station("SX-2");
  other.csr = cabinet / "request.pem";
  EXPECT_NE(open()->issue(other, kNow, made).find("is not SX-2"), std::string::npos);
  PkiRequest asked = station("SX-1");
  asked.csr = cabinet / "broken.pem";
  const std::string whole = text_of(cabinet / "request.pem");
  for (std::size_t i = 0; i < whole.size(); i += 7) {
    std::string broken = whole;
    broken[i] = broken[i] == 'A' ? 'B' : 'A';
    std::ofstream(asked.csr) << broken;
    EXPECT_NE(open()->issue(asked, kNow, made), "") << i;
  }
  for (const std::string& text : {std::string(), whole.substr(0, whole.size() / 2), text_of(cabinet / "key.pem")}) {
    std::ofstream(asked.csr) << text;
    EXPECT_NE(open()->issue(asked, kNow, made).find("signing request"), std::string::npos);
  }
  EXPECT_TRUE(open()->list().empty()) << "what was refused left nothing in the books";
  EXPECT_FALSE(fs::exists(folder / "issued" / "station"));
}

TEST_F(Pki, DrawsSerialNumbersAtRandom) {
  std::set<std::string> serials;
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(open()->issue(station("SX-" + std::to_string(i)), kNow, made), "");
  }
  for (const PkiEntry& entry : open()->list()) {
    EXPECT_EQ(entry.certificate.serial.size(), 32U);
    serials.insert(entry.certificate.serial.substr(0, 8));
  }
  EXPECT_EQ(serials.size(), 50U);
}

TEST_F(Pki, NoCertificateOutlivesTheAuthority) {
  const std::int64_t late = kNow + PkiAuthority::kRootValidS - 10;
  ASSERT_EQ(open()->issue(station("SX-1"), late, made), "");
  EXPECT_EQ(tls::read_certificate(made / "cert.pem")->expires_utc_s, kNow + PkiAuthority::kRootValidS);
  EXPECT_NE(open()->issue(station("SX-2"), late + 20, made).find("has expired"), std::string::npos);
}

TEST_F(Pki, WorksForOneUserAtATime) {
  const auto first = open();
  EXPECT_NE(refusal().find("at work"), std::string::npos);
}

TEST_F(Pki, RefusesAFolderThatIsNoWholeAuthority) {
  fs::permissions(folder / "ca.key", fs::perms::others_read, fs::perm_options::add);
  EXPECT_NE(refusal().find("others can read"), std::string::npos);
  fs::permissions(folder / "ca.key", fs::perms::owner_read | fs::perms::owner_write);
  fs::rename(folder / "crl.pem", folder / "crl.old");
  EXPECT_NE(refusal().find("no whole authority"), std::string::npos);
  ASSERT_EQ(PkiAuthority::init(home.path() / "other", kNow), "");
  fs::copy_file(home.path() / "other" / "crl.pem", folder / "crl.pem");
  EXPECT_NE(refusal().find("no whole authority"), std::string::npos) << "the list of another";
  fs::rename(folder / "crl.old", folder / "crl.pem");
  EXPECT_NE(open(), nullptr);
  tls::testing::encrypt_key(folder / "ca.key");
  EXPECT_NE(refusal().find("no whole authority"), std::string::npos) << "nobody is asked for a passphrase";
  std::ofstream(folder / "ca.key") << "garbage";
  EXPECT_NE(refusal().find("no whole authority"), std::string::npos);
  folder = home.path() / "nowhere";
  EXPECT_NE(refusal().find("cubby pki init"), std::string::npos);
}

}  // namespace
}  // namespace cubby::tools
