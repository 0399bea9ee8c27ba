// A pseudo-terminal that behaves as a serial port does when its clients come and go.
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <optional>

#include "tools/cubby/board_control.h"
#include "tools/cubby/board_descriptor.h"
#include "tools/cubby/board_line.h"

namespace cubby::tools {
namespace {

constexpr std::array<std::pair<speed_t, std::uint32_t>, 14> kSpeeds{{{B300, 300},
                                                                     {B600, 600},
                                                                     {B1200, 1200},
                                                                     {B2400, 2400},
                                                                     {B4800, 4800},
                                                                     {B9600, 9600},
                                                                     {B19200, 19200},
                                                                     {B38400, 38400},
                                                                     {B57600, 57600},
                                                                     {B115200, 115200},
                                                                     {B230400, 230400},
                                                                     {B460800, 460800},
                                                                     {B500000, 500000},
                                                                     {B1000000, 1000000}}};

constexpr int kChecks = 8;
constexpr auto kCheckEvery = std::chrono::milliseconds(5);

std::optional<std::string> target_of(const std::string& link) {
  std::array<char, PATH_MAX> target;
  const ssize_t size = readlink(link.c_str(), target.data(), target.size());
  return size < 0 ? std::nullopt : std::optional(std::string(target.data(), static_cast<std::size_t>(size)));
}

/// A pseudo-terminal. What holds it open and watches who comes is there only while it is in use.
struct Pty {
  std::string path;
  Descriptor board_end;
  Descriptor keeper;
  Descriptor watch;
  int watched = -1;
};

std::string why(const std::string& what) {
  return what + ": " + std::strerror(errno);
}

// Empty: `pty` has its board's end and its name. Nobody can open it yet.
std::string reserve(Pty& pty) {
  pty.board_end = Descriptor(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  std::array<char, 64> name{};
  if (pty.board_end.get() < 0 || grantpt(pty.board_end.get()) != 0 ||
      ptsname_r(pty.board_end.get(), name.data(), name.size()) != 0) {
    return why("no pseudo-terminal");
  }
  pty.path = name.data();
  return {};
}

// Empty: clients can open it at `link`.
std::string put_into_use(Pty& pty, const std::string& link, std::uint32_t baud) {
  if (unlockpt(pty.board_end.get()) != 0) {
    return why("no pseudo-terminal");
  }
  pty.keeper = Descriptor(open(pty.path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (pty.keeper.get() < 0 || !set_raw(pty.keeper.get(), baud)) {
    return why(pty.path);
  }
  pty.watch = Descriptor(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  pty.watched = pty.watch.get() < 0 ? -1 : inotify_add_watch(pty.watch.get(), pty.path.c_str(), IN_OPEN | IN_CLOSE);
  if (pty.watched < 0) {
    return why(pty.path);
  }
  return symlink(pty.path.c_str(), link.c_str()) == 0 ? std::string() : why(link);
}

class PtyLine final : public BoardLine {
 public:
  PtyLine(std::string link, std::uint32_t baud, Pty pty) : link_(std::move(link)), baud_(baud), pty_(std::move(pty)) {}
  ~PtyLine() override { remove_link(); }

  void add_waits(std::vector<pollfd>& waits, bool want_bytes) const override {
    if (is_unplugged()) {
      return;
    }
    waits.push_back({pty_.watch.get(), POLLIN, 0});
    if (want_bytes) {
      waits.push_back({pty_.board_end.get(), POLLIN, 0});
    }
  }

  // First what was sent, then who left: a client may send and close at once.
  std::vector<std::byte> read(bool want_bytes) override {
    std::vector<std::byte> bytes;
    if (is_unplugged()) {
      come_back();
      return bytes;
    }
    if (want_bytes) {
      std::array<std::byte, 256> chunk;
      if (const ssize_t size = ::read(pty_.board_end.get(), chunk.data(), chunk.size()); size > 0) {
        bytes.assign(chunk.begin(), chunk.begin() + size);
        arrived();
      }
    }
    look_who_is_there();
    return bytes;
  }

  void write(Bytes bytes) override {
    if (is_unplugged()) {
      return;
    }
    look_who_is_there();
    if (!somebody_) {
      return;
    }
    if (::write(pty_.board_end.get(), bytes.data(), bytes.size()) < 0 && errno == EAGAIN && !full_) {
      full_ = true;
      note("the client reads nothing; bytes are lost");
    }
  }

  void all_said() override {}
  std::uint32_t client_baud() const override { return somebody_ ? speed_of(pty_.board_end.get()) : 0; }
  void set_baud(std::uint32_t baud) override { baud_ = baud; }
  std::string describe() const override { return "pseudo-terminal " + link_ + " (" + pty_.path + ")"; }

  // The next terminal is taken while this one is still there: so it has another name, as a real adapter may have.
  std::string unplug(std::chrono::milliseconds length) override {
    if (is_unplugged()) {
      return "the adapter is unplugged already";
    }
    Pty next;
    if (std::string problem = reserve(next); !problem.empty()) {
      return problem;
    }
    remove_link();
    pty_ = std::move(next);
    somebody_ = false;
    full_ = false;
    checks_left_ = 0;
    back_at_ = std::chrono::steady_clock::now() + length;
    note("the adapter is gone");
    return {};
  }

 private:
  bool is_unplugged() const { return pty_.keeper.get() < 0; }

  void remove_link() {
    if (target_of(link_) == pty_.path) {
      ::unlink(link_.c_str());
    }
  }

  void come_back() {
    if (std::chrono::steady_clock::now() < back_at_) {
      return;
    }
    if (std::string problem = put_into_use(pty_, link_, baud_); !problem.empty()) {
      lose(problem);
      return;
    }
    note("the adapter is back as " + pty_.path);
  }

  void arrived() {
    if (!somebody_) {
      somebody_ = true;
      note("a client has opened the terminal");
    }
  }

  void look_who_is_there() {
    alignas(inotify_event) std::array<char, 4096> events;
    for (ssize_t size = 0; (size = ::read(pty_.watch.get(), events.data(), events.size())) > 0;) {
      for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
        inotify_event event{};
        std::memcpy(&event, events.data() + at, sizeof event);
        at += sizeof event + event.len;
        if ((event.mask & IN_OPEN) != 0) {
          arrived();
        }
        if ((event.mask & IN_CLOSE) != 0) {
          checks_left_ = kChecks;
        }
      }
    }
    // The event of a close comes before its effect, so it is looked for more than once.
    const auto now = std::chrono::steady_clock::now();
    if (checks_left_ > 0 && somebody_ && now >= next_check_) {
      next_check_ = now + kCheckEvery;
      --checks_left_;
      check_for_clients();
    }
  }

  // Only when this program's own hold on the terminal is let go for a moment does the kernel say whether anybody else
  // has one. Then what it does at the last close of a real port is done here: exclusive use ends, settings and bytes
  // that nobody read are gone.
  void check_for_clients() {
    int exclusive = 0;
    ioctl(pty_.keeper.get(), TIOCGEXCL, &exclusive);
    ioctl(pty_.keeper.get(), TIOCNXCL);
    inotify_rm_watch(pty_.watch.get(), pty_.watched);
    pty_.keeper = Descriptor();
    pollfd board_end{pty_.board_end.get(), 0, 0};
    const bool nobody = poll(&board_end, 1, 0) == 1 && (board_end.revents & POLLHUP) != 0;
    pty_.keeper = Descriptor(open(pty_.path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    pty_.watched = inotify_add_watch(pty_.watch.get(), pty_.path.c_str(), IN_OPEN | IN_CLOSE);
    if (pty_.keeper.get() < 0 || pty_.watched < 0) {
      lose(pty_.path + ": " + std::strerror(errno));
      return;
    }
    if (!nobody) {
      ioctl(pty_.keeper.get(), exclusive != 0 ? TIOCEXCL : TIOCNXCL);
      return;
    }
    somebody_ = false;
    full_ = false;
    set_raw(pty_.keeper.get(), baud_);
    tcflush(pty_.keeper.get(), TCIFLUSH);
    note("the last client has closed the terminal");
  }

  std::string link_;
  std::uint32_t baud_;
  Pty pty_;
  std::chrono::steady_clock::time_point back_at_{};  // While it is unplugged.
  bool somebody_ = false;
  bool full_ = false;
  int checks_left_ = 0;
  std::chrono::steady_clock::time_point next_check_{};
};

// Empty: the path is free, or was the link of a killed cubby board and has been removed.
std::string make_room(const std::string& link, const std::string& control) {
  struct stat status {};
  if (lstat(link.c_str(), &status) != 0) {
    return errno == ENOENT ? std::string() : link + ": " + std::strerror(errno);
  }
  const std::optional<std::string> target = target_of(link);
  if (!target.has_value() || !target->starts_with("/dev/pts/")) {
    return link + " exists already and is no link to a pseudo-terminal";
  }
  // A terminal's number is given again: that it exists does not say whose it is.
  if (access(target->c_str(), F_OK) == 0 && !is_dead_socket(control)) {
    return link + " is a link to a terminal that somebody uses, " + *target;
  }
  return unlink(link.c_str()) == 0 ? std::string() : link + ": " + std::strerror(errno);
}

}  // namespace

bool set_raw(int terminal, std::uint32_t baud) {
  termios settings{};
  if (tcgetattr(terminal, &settings) != 0) {
    return false;
  }
  cfmakeraw(&settings);
  // cfmakeraw() leaves the stop bits and every flow control but IXON as they were.
  settings.c_cflag |= CLOCAL | CREAD;
  settings.c_cflag &= ~static_cast<tcflag_t>(CSTOPB | CRTSCTS);
  settings.c_iflag &= ~static_cast<tcflag_t>(IXON | IXOFF | IXANY);
  settings.c_cc[VMIN] = 1;
  settings.c_cc[VTIME] = 0;
  for (const auto& [speed, number] : kSpeeds) {
    if (number == baud) {
      cfsetispeed(&settings, speed);
      cfsetospeed(&settings, speed);
      return tcsetattr(terminal, TCSANOW, &settings) == 0;
    }
  }
  return false;
}

std::uint32_t speed_of(int terminal) {
  termios settings{};
  if (tcgetattr(terminal, &settings) != 0) {
    return 0;
  }
  for (const auto& [speed, number] : kSpeeds) {
    if (speed == cfgetospeed(&settings)) {
      return number;
    }
  }
  return 0;
}

OpenedLine open_pty_line(const PtyOptions& options) {
  std::string problem = make_room(options.link, options.control);
  Pty pty;
  problem = problem.empty() ? reserve(pty) : problem;
  problem = problem.empty() ? put_into_use(pty, options.link, options.baud) : problem;
  if (!problem.empty()) {
    return {nullptr, problem};
  }
  return {std::make_unique<PtyLine>(options.link, options.baud, std::move(pty)), {}};
}

}  // namespace cubby::tools
