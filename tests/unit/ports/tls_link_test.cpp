#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "firmware/ports/posix/line_devices.h"
#include "unit/ports/lab.h"
#include "unit/tls/tls_lab.h"

namespace cubby::posix {
namespace {

namespace fs = std::filesystem;
using hal::LinkState;
using tls::testing::kNow;

/// A computer whose clock says kNow; whether anybody knows that it is right is the test's.
class TestTime final : public HostTime {
 public:
  Instant now() const override { return HostTime::now() + ahead; }
  std::uint64_t realtime_ms() const override { return static_cast<std::uint64_t>(utc_s) * 1'000; }
  bool synchronised() const override { return is_right; }
  Duration ahead = Duration::seconds(0);
  std::int64_t utc_s = kNow;
  bool is_right = true;
};

/// An aggregator's end: one connection at a time.
class TestAggregator {
 public:
  TestAggregator() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof any;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&any), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 4), 0);
    EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&any), &size), 0);
    port_ = ntohs(any.sin_port);
  }
  LineAddress address() const {
    return {.kind = LineAddress::Kind::kTcpConnect, .path = {}, .host = "127.0.0.1", .port = port_};
  }
  bool accept(std::shared_ptr<const tls::Credentials> credentials) {
    client_ = accept_client(listener_.get());
    if (!client_.valid()) {
      return false;
    }
    session_ = credentials == nullptr
                   ? nullptr
                   : std::make_unique<tls::Session>(std::move(credentials), tls::End::kServer,
                                                    tls::SessionOptions{.server_name = {}, .utc_s = kNow});
    return true;
  }
  void service() {
    if (!client_.valid() || session_ == nullptr) {
      return;
    }
    std::array<std::byte, 4096> chunk{};
    if (const ssize_t size = ::read(client_.get(), chunk.data(), chunk.size()); size > 0) {
      session_->receive(Bytes(chunk).first(static_cast<std::size_t>(size)));
    }
    std::array<std::byte, 4096> plain{};
    heard.append(reinterpret_cast<const char*>(plain.data()), session_->read(plain));
    const auto out = tls::testing::taken(*session_);
    EXPECT_EQ(::send(client_.get(), out.data(), out.size(), MSG_NOSIGNAL), static_cast<ssize_t>(out.size()));
  }
  tls::Session& session() { return *session_; }
  void close() { client_.reset(-1); }
  std::string heard;

 private:
  Descriptor listener_;
  std::uint16_t port_ = 0;
  Descriptor client_;
  std::unique_ptr<tls::Session> session_;
};

struct TlsLink : ::testing::Test {
  tests::TemporaryFolder folder;
  tls::testing::TestAuthority authority{folder.path() / "pki"};
  std::string own = authority.station("SX-TY-0007");
  std::shared_ptr<const tls::Credentials> theirs = tls::testing::loaded(authority.aggregator(), tls::End::kServer);
  tests::FaultyCalls calls;
  TestTime time;
  HostClock clock{time, false};
  TestAggregator centre;
  TcpLink link = link_to("127.0.0.1");

  TcpLink link_to(const std::string& name) {
    return TcpLink(calls, time, clock, centre.address(), {.folder = own, .server_name = name}, "SX-TY-0007");
  }
  /// Lets both ends work until the link is in that state; at most half a second of silence.
  bool reaches(TcpLink& it, LinkState wanted) {
    for (int i = 0; i < 50 && it.state() != wanted; ++i) {
      std::vector<pollfd> set;
      it.watch(set);
      (void)poll(set.data(), set.size(), 10);
      it.service();
      if (!connected_) {
        connected_ = centre.accept(theirs);
      }
      centre.service();
      std::array<std::byte, 8> nothing{};
      EXPECT_EQ(it.receive(nothing), 0U);
    }
    return it.state() == wanted;
  }
  bool connects(TcpLink& it) {
    connected_ = false;
    EXPECT_EQ(it.connect(), Status::kOk);
    return reaches(it, LinkState::kUp);
  }

 private:
  bool connected_ = false;
};

TEST_F(TlsLink, IsUpAfterTheHandshakeAndCarriesFramesBothWaysUntilTheLastWord) {
  ASSERT_EQ(link.connect(), Status::kOk);
  EXPECT_EQ(link.connect(), Status::kBusy);
  for (int i = 0; i < 10; ++i) {
    link.service();
  }
  EXPECT_EQ(link.state(), LinkState::kConnecting) << "TCP is up, TLS is not";
  EXPECT_EQ(link.send(as_bytes("Hello")), Status::kNotSent);
  link.close();
  ASSERT_TRUE(centre.accept(nullptr));  // The one that was given up.
  ASSERT_TRUE(connects(link));
  ASSERT_EQ(link.send(as_bytes("Hello")), Status::kOk);
  for (int i = 0; i < 100 && centre.heard.empty(); ++i) {
    link.service();
    centre.service();
  }
  EXPECT_EQ(centre.heard, "Hello");
  EXPECT_EQ(centre.session().peer().identity.name, "SX-TY-0007");
  centre.session().write(as_bytes("Refuse"));
  centre.service();
  centre.close();
  for (int i = 0; i < 100 && link.state() == LinkState::kUp; ++i) {
    link.service();
  }
  EXPECT_EQ(link.state(), LinkState::kDown);
  std::array<std::byte, 32> got{};
  EXPECT_EQ(link.receive(got), 6U) << "why it was closed";
  EXPECT_TRUE(connects(link));
}

TEST_F(TlsLink, TakesAllOfAFrameOrNothingWhenNobodyReads) {
  ASSERT_TRUE(connects(link));
  const std::string frame(10'000, 'f');
  std::size_t taken = 0;
  while (link.send(as_bytes(frame)) == Status::kOk) {
    ASSERT_LT(++taken, 10'000U) << "memory without a bound";
  }
  EXPECT_EQ(link.send(as_bytes(frame)), Status::kBusy);
  for (std::size_t i = 0; i < 100'000 && centre.heard.size() < taken * frame.size(); ++i) {
    link.service();
    centre.service();
  }
  EXPECT_EQ(centre.heard.size(), taken * frame.size()) << "no part of the frame that was refused";
}

TEST_F(TlsLink, AnAggregatorOfAnotherNameIsNotTalkedTo) {
  TcpLink other = link_to("centre.elsewhere");
  EXPECT_FALSE(connects(other));
  EXPECT_EQ(other.state(), LinkState::kDown);
  EXPECT_TRUE(centre.heard.empty());
  TcpLink named = link_to("centre.example");
  EXPECT_TRUE(connects(named));
}

TEST_F(TlsLink, ReadsTheCertificatesAnewForEachConnection) {
  fs::rename(own + "/key.pem", own + "/key.away");
  EXPECT_FALSE(connects(link));
  EXPECT_EQ(link.state(), LinkState::kDown);
  fs::rename(own + "/key.away", own + "/key.pem");
  EXPECT_TRUE(connects(link));
}

TEST_F(TlsLink, NeverConnectsWithTheCertificateOfAnotherStation) {
  own = authority.station("SX-TY-0008");
  TcpLink thief = link_to("127.0.0.1");
  EXPECT_EQ(thief.connect(), Status::kOk);
  EXPECT_EQ(thief.state(), LinkState::kDown);
  EXPECT_FALSE(centre.accept(nullptr)) << "nobody has knocked";
  own = authority.issue({.role = tls::Role::kConcentrator, .name = "gw", .stations = {"SX-*"}});
  std::string why;
  EXPECT_EQ(load_certificate({.folder = own, .server_name = {}}, "SX-TY-0007", why), nullptr);
  EXPECT_NE(why.find("is of concentrator gw, not of station SX-TY-0007"), std::string::npos) << why;
}

TEST_F(TlsLink, GivesUpAHandshakeThatSaysNothing) {
  ASSERT_EQ(link.connect(), Status::kOk);
  for (int i = 0; i < 10; ++i) {
    link.service();
  }
  ASSERT_TRUE(centre.accept(nullptr));
  EXPECT_EQ(link.state(), LinkState::kConnecting);
  EXPECT_LE(link.deadline(), time.now() + TcpLink::kConnectTimeout);
  time.ahead = TcpLink::kConnectTimeout;
  link.service();
  EXPECT_EQ(link.state(), LinkState::kDown);
}

TEST_F(TlsLink, AClockThatNobodyKeepsDoesNotLockTheStationOut) {
  time.utc_s = kNow + 400 * tls::testing::kDay;  // The aggregator's certificate has expired long since, it says.
  EXPECT_FALSE(connects(link));
  time.is_right = false;
  EXPECT_TRUE(connects(link));
}

}  // namespace
}  // namespace cubby::posix
