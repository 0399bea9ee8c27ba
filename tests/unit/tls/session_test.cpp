#include "firmware/tls/session.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "unit/tls/tls_lab.h"

namespace cubby::tls::testing {
namespace {

namespace fs = std::filesystem;

struct TlsSession : ::testing::Test {
  cubby::tests::TemporaryFolder folder;
  TestAuthority authority{folder.path() / "pki"};
  std::string centre = authority.aggregator();
  std::shared_ptr<const Credentials> server_side = loaded(centre, End::kServer);

  std::unique_ptr<Session> server(std::optional<std::int64_t> now = kNow) {
    return std::make_unique<Session>(server_side, End::kServer, SessionOptions{.server_name = {}, .utc_s = now});
  }
  static std::unique_ptr<Session> client(const std::string& from, const std::string& name = "127.0.0.1",
                                         std::optional<std::int64_t> now = kNow) {
    return std::make_unique<Session>(loaded(from, End::kClient), End::kClient,
                                     SessionOptions{.server_name = name, .utc_s = now});
  }
  /// Why the server refuses who comes with the certificate in `from`; kNone: it does not.
  Refusal verdict_on(const std::string& from, std::optional<std::int64_t> now = kNow) {
    const auto there = server(now);
    const auto here = client(from, "127.0.0.1", now);
    talk(*here, *there);
    EXPECT_EQ(there->state() == Session::State::kUp, there->refusal() == Refusal::kNone);
    if (there->refusal() != Refusal::kNone) {
      EXPECT_EQ(here->refusal(), Refusal::kByPeer) << "the client is told: " << here->detail();
    }
    return there->refusal();
  }
};

TEST_F(TlsSession, CarriesBytesBothWaysAndKnowsTheOtherSide) {
  const auto here = client(authority.station("SX-TY-0007"));
  const auto there = server();
  talk(*here, *there);
  ASSERT_EQ(there->state(), Session::State::kUp) << there->detail();
  ASSERT_EQ(here->state(), Session::State::kUp) << here->detail();
  EXPECT_EQ(there->peer().identity.role, Role::kStation);
  EXPECT_EQ(there->peer().identity.stations, std::vector<std::string>{"SX-TY-0007"});
  EXPECT_EQ(there->peer().expires_utc_s, kNow + kDay);
  EXPECT_EQ(here->peer().identity.name, "centre");

  std::vector<std::byte> said(40'000, std::byte{7});  // Three records.
  here->write(said);
  there->write(as_bytes("Welcome"));
  there->receive(taken(*here));
  here->receive(taken(*there));
  std::vector<std::byte> heard(50'000);
  std::size_t size = 0;
  for (std::size_t got = 1; got > 0; size += got) {
    got = there->read(MutableBytes(heard).subspan(size));
  }
  heard.resize(size);
  EXPECT_EQ(heard, said);
  std::array<std::byte, 16> answer{};
  EXPECT_EQ(here->read(answer), 7U);
}

TEST_F(TlsSession, TellsWhomAConcentratorSpeaksFor) {
  const auto here =
      client(authority.issue({.role = Role::kConcentrator, .name = "gw", .stations = {"SX-*", "TW-0001"}}));
  const auto there = server();
  talk(*here, *there);
  EXPECT_EQ(there->peer().identity.stations, (std::vector<std::string>{"SX-*", "TW-0001"})) << there->detail();
}

TEST_F(TlsSession, RefusesACertificateOfAForeignAuthority) {
  TestAuthority foreign{folder.path() / "foreign"};
  const std::string stranger = foreign.station("SX-TY-0007");
  const auto there = server();
  const auto here = client(stranger);
  talk(*here, *there);
  EXPECT_EQ(here->refusal(), Refusal::kForeign)
      << "neither does the station believe the aggregator: " << here->detail();
  EXPECT_EQ(there->refusal(), Refusal::kByPeer);
  fs::copy_file(authority.folder() + "/ca.pem", stranger + "/ca.pem", fs::copy_options::overwrite_existing);
  const auto next = server();
  RawClient(stranger).talk_to(*next);
  EXPECT_EQ(next->refusal(), Refusal::kForeign) << next->detail();
}

TEST_F(TlsSession, RefusesACertificateBeforeAndAfterItsTime) {
  const std::string short_lived = authority.station("SX-TY-0007", 10);
  EXPECT_EQ(verdict_on(short_lived, kNow + 9), Refusal::kNone);
  EXPECT_EQ(verdict_on(short_lived, kNow + 11), Refusal::kExpired);
  EXPECT_EQ(verdict_on(short_lived, kNow - 299), Refusal::kNone) << "clocks may differ by five minutes";
  const std::string tomorrows =
      authority.issue({.role = Role::kStation, .name = "SX-1", .stations = {}}, kDay, kNow + kDay);
  const auto there = server();
  RawClient(tomorrows).talk_to(*there);
  EXPECT_EQ(there->refusal(), Refusal::kExpired) << "not valid yet";
}

TEST_F(TlsSession, AStationWithoutAClockTakesTheAggregatorsCertificate) {
  const std::string station = authority.station("SX-TY-0007");
  for (const auto& [now, expected] :
       {std::pair{std::optional<std::int64_t>{}, Refusal::kNone}, {kNow - 10 * kDay, Refusal::kExpired}}) {
    const auto there = server();
    const auto here = client(station, "127.0.0.1", now);
    talk(*here, *there);
    EXPECT_EQ(here->refusal(), expected);
  }
}

TEST_F(TlsSession, RefusesARevokedCertificateAlsoOfASessionThatIsUp) {
  const std::string station = authority.station("SX-TY-0007");
  const auto there = server();
  const auto here = client(station);
  talk(*here, *there);
  ASSERT_EQ(there->state(), Session::State::kUp);
  EXPECT_EQ(there->judge_again(*server_side, kNow), Refusal::kNone);

  std::size_t count = 0;
  EXPECT_EQ(authority.open()->revoke(Role::kStation, "SX-TY-0007", kNow, count), "");
  fs::copy_file(authority.folder() + "/crl.pem", centre + "/crl.pem", fs::copy_options::overwrite_existing);
  server_side = loaded(centre, End::kServer);
  EXPECT_EQ(there->judge_again(*server_side, kNow), Refusal::kRevoked);
  EXPECT_EQ(verdict_on(station), Refusal::kRevoked);
  EXPECT_EQ(verdict_on(authority.station("SX-TY-0007")), Refusal::kNone) << "a new certificate of the same station";
}

TEST_F(TlsSession, RefusesRolesThatAreNotAStations) {
  const std::string notifier = authority.issue({.role = Role::kNotifier, .name = "sms", .stations = {}});
  for (const std::string& from : {notifier, centre}) {
    const auto there = server();
    RawClient(from).talk_to(*there);
    EXPECT_EQ(there->refusal(), Refusal::kWrongRole) << there->detail();
  }
}

TEST_F(TlsSession, RefusesNamesThatAreNoIdentity) {
  const auto there = server();
  RawClient(authority.issue({.role = Role::kStation, .name = "sx ty", .stations = {}})).talk_to(*there);
  EXPECT_EQ(there->refusal(), Refusal::kIdentity) << there->detail();
}

TEST_F(TlsSession, AStationRefusesAnAggregatorThatIsNotTheOneItAskedFor) {
  const std::string station = authority.station("SX-TY-0007");
  for (const auto& [name, expected] : {std::pair{"127.0.0.1", Refusal::kNone},
                                       {"centre.example", Refusal::kNone},
                                       {"127.0.0.2", Refusal::kIdentity},
                                       {"other.example", Refusal::kIdentity},
                                       {"", Refusal::kIdentity},
                                       {"1.2.3.4.5", Refusal::kIdentity}}) {
    const auto there = server();
    const auto here = client(station, name);
    talk(*here, *there);
    EXPECT_EQ(here->refusal(), expected) << name;
  }
}

TEST_F(TlsSession, AStationRefusesAnotherStationThatPlaysTheAggregator) {
  // Credentials of a station do not load as a server's; whoever writes their own program still fails.
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  const std::string other = authority.station("SX-TY-0008");
  ASSERT_EQ(SSL_CTX_use_certificate_file(context, (other + "/cert.pem").c_str(), SSL_FILETYPE_PEM), 1);
  ASSERT_EQ(SSL_CTX_use_PrivateKey_file(context, (other + "/key.pem").c_str(), SSL_FILETYPE_PEM), 1);
  SSL* ssl = SSL_new(context);
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(ssl);
  const auto here = client(authority.station("SX-TY-0007"));
  const auto hello = taken(*here);
  BIO_write(SSL_get_rbio(ssl), hello.data(), static_cast<int>(hello.size()));
  SSL_do_handshake(ssl);
  std::vector<std::byte> answer(BIO_ctrl_pending(SSL_get_wbio(ssl)));
  BIO_read(SSL_get_wbio(ssl), answer.data(), static_cast<int>(answer.size()));
  here->receive(answer);
  EXPECT_EQ(here->refusal(), Refusal::kWrongRole) << here->detail();
  SSL_free(ssl);
  SSL_CTX_free(context);
}

TEST_F(TlsSession, RefusesWhoBringsNoCertificate) {
  const auto there = server();
  RawClient("").talk_to(*there);
  EXPECT_EQ(there->refusal(), Refusal::kNoCertificate) << there->detail();
}

TEST_F(TlsSession, RefusesOlderVersions) {
  const auto there = server();
  RawClient(authority.station("SX-TY-0007"), TLS1_2_VERSION).talk_to(*there);
  EXPECT_EQ(there->refusal(), Refusal::kVersion) << there->detail();
}

TEST_F(TlsSession, RefusesWhatIsNotTls) {
  for (const char* text : {"\x03\x01\x32", "GET / HTTP/1.1\r\n", "\x15\x03\x03"}) {
    const auto there = server();
    there->receive(as_bytes(text));
    EXPECT_EQ(there->refusal(), Refusal::kNotTls) << text;
    EXPECT_TRUE(there->outgoing().empty()) << "there is nobody who would understand an answer";
  }
}

TEST_F(TlsSession, TakesABoundedHandshake) {
  const auto there = server();
  std::vector<std::byte> record(kHandshakeMax + 1, std::byte{0});
  record[0] = std::byte{22};
  record[1] = record[2] = std::byte{3};
  record[3] = std::byte{0x40};  // 16 KiB are announced.
  there->receive(Bytes(record).first(1'000));
  EXPECT_EQ(there->state(), Session::State::kHandshake);
  there->receive(Bytes(record).subspan(1'000));
  EXPECT_EQ(there->state(), Session::State::kEnded);
  EXPECT_EQ(there->refusal(), Refusal::kOther);
}

TEST_F(TlsSession, IsUpOnlyAfterTheLastByteOfTheHandshakeHoweverItIsCut) {
  const auto here = client(authority.station("SX-TY-0007"));
  const auto there = server();
  std::size_t count = 0;
  for (int flight = 0; flight < 2; ++flight) {
    for (const std::byte byte : taken(*here)) {
      EXPECT_EQ(there->state(), Session::State::kHandshake) << "after byte " << count;
      there->receive(Bytes(&byte, 1));
      ++count;
    }
    here->receive(taken(*there));
  }
  EXPECT_EQ(there->state(), Session::State::kUp) << there->detail();
}

TEST_F(TlsSession, AFlippedBitAnywhereInTheHandshakeNeverMakesASession) {
  const std::string station = authority.station("SX-TY-0007");
  std::size_t at = 0;
  for (;; at += 7) {
    const auto here = client(station);
    const auto there = server();
    there->receive(taken(*here));
    here->receive(taken(*there));
    auto flight = taken(*here);  // Certificate, its proof, Finished.
    if (at >= flight.size()) {   // Its length differs by a few bytes each time, as signatures do.
      break;
    }
    flight[at] ^= std::byte{1};
    there->receive(flight);
    EXPECT_NE(there->state(), Session::State::kUp) << "byte " << at;
  }
  EXPECT_GT(at, 300U);
}

TEST_F(TlsSession, GivesNoTicketsToResumeWith) {
  const auto here = client(authority.station("SX-TY-0007"));
  const auto there = server();
  there->receive(taken(*here));
  here->receive(taken(*there));
  there->receive(taken(*here));
  ASSERT_EQ(there->state(), Session::State::kUp);
  EXPECT_TRUE(there->outgoing().empty()) << "a ticket would be sent here";
}

TEST_F(TlsSession, EndsWhenASpoiledRecordComesLater) {
  const auto here = client(authority.station("SX-TY-0007"));
  const auto there = server();
  talk(*here, *there);
  here->write(as_bytes("Batch"));
  auto record = taken(*here);
  record.back() ^= std::byte{1};
  there->receive(record);
  std::array<std::byte, 16> into{};
  EXPECT_EQ(there->read(into), 0U);
  EXPECT_EQ(there->state(), Session::State::kEnded);
  EXPECT_EQ(there->refusal(), Refusal::kOther);
}

TEST_F(TlsSession, SaysWhatIsWrongWithAFolder) {
  const std::string station = authority.station("SX-TY-0007");
  std::string why;
  const auto refused = [&](const std::string& from, End end, const std::string& words) {
    EXPECT_EQ(Credentials::load(from, end, why), nullptr) << words;
    EXPECT_NE(why.find(words), std::string::npos) << why;
  };
  refused(folder.path() / "nothing", End::kClient, "nothing/ca.pem: is not a certificate");
  refused(station, End::kServer, "crl.pem: is not a revocation list");
  refused(centre, End::kClient, "not good with ca.pem");
  refused(authority.issue({.role = Role::kNotifier, .name = "sms", .stations = {}}), End::kClient,
          "of the role notifier");
  TestAuthority foreign{folder.path() / "foreign"};
  fs::copy_file(foreign.folder() + "/crl.pem", station + "/crl.pem");
  refused(station, End::kClient, "crl.pem: is not signed by ca.pem");
  fs::remove(station + "/crl.pem");
  fs::permissions(station + "/key.pem", fs::perms::group_read, fs::perm_options::add);
  refused(station, End::kClient, "key.pem: others can read this key");
  fs::permissions(station + "/key.pem", fs::perms::group_read, fs::perm_options::remove);
  encrypt_key(station + "/key.pem");
  refused(station, End::kClient, "key.pem: is not the key of cert.pem");
  fs::copy_file(centre + "/key.pem", station + "/key.pem", fs::copy_options::overwrite_existing);
  fs::permissions(station + "/key.pem", fs::perms::owner_read);
  refused(station, End::kClient, "key.pem: is not the key of cert.pem");
  fs::copy_file(centre + "/cert.pem", station + "/ca.pem", fs::copy_options::overwrite_existing);
  refused(station, End::kClient, "ca.pem: is not the certificate of an authority");
  std::ofstream(station + "/ca.pem") << "garbage";
  refused(station, End::kClient, "ca.pem: is not a certificate");
}

}  // namespace
}  // namespace cubby::tls::testing
