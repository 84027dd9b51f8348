/// The measurements use bare system calls, so that they show the machine and not a library.
#include "bench/limits.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <latch>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bench/file_descriptor.hpp"

namespace mainstay::bench {

namespace {

using cli::latency_histogram;
using steady = std::chrono::steady_clock;

constexpr std::size_t page = 4096;
constexpr std::size_t file_size = 16 << 20;
constexpr std::size_t message_size = 128;

std::unexpected<error> system_failure(std::string_view what) {
  return fail(error_code::io_failed, fmt::format("{}: {}", what, std::strerror(errno)));
}

std::uint64_t since(steady::time_point start) {
  return static_cast<std::uint64_t>((steady::now() - start).count());
}

/// A file whose blocks have all been written and flushed once, so that overwriting them changes no
/// metadata; already unlinked.
result<file_descriptor> make_prewritten_file(const std::string& directory) {
  auto path = directory + "/mainstay-limits-XXXXXX";
  file_descriptor file(mkstemp(path.data()));
  if (!file.is_open()) return system_failure(path);
  unlink(path.c_str());
  const std::vector<char> block(1 << 20, 'x');
  for (std::size_t at = 0; at < file_size; at += block.size()) {
    const auto written = pwrite(file.get(), block.data(), block.size(), static_cast<off_t>(at));
    if (written != static_cast<ssize_t>(block.size())) return system_failure("write");
  }
  if (fsync(file.get()) != 0) return system_failure("fsync");
  return file;
}

/// Writes and flushes one page after the other until the time is over.
bool flush_repeatedly(int file, double seconds, latency_histogram& times) {
  alignas(page) std::array<char, page> content;
  content.fill('y');
  const auto end = steady::now() + std::chrono::duration<double>(seconds);
  for (std::size_t at = 0; steady::now() < end; at = (at + page) % file_size) {
    const auto start = steady::now();
    if (pwrite(file, content.data(), page, static_cast<off_t>(at)) != page) return false;
    if (fdatasync(file) != 0) return false;
    times.record(since(start));
  }
  return true;
}

/// One thread a file, all starting together.
result<latency_histogram> measure_flushes(const limit_options& options, std::size_t files) {
  std::vector<file_descriptor> opened;
  for (std::size_t i = 0; i < files; ++i) {
    auto file = make_prewritten_file(options.directory);
    if (!file) return std::unexpected(file.error());
    opened.push_back(std::move(*file));
  }
  std::vector<latency_histogram> times(files);
  std::vector<char> succeeded(files, 0);
  std::latch start(static_cast<std::ptrdiff_t>(files));
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < files; ++i) {
      threads.emplace_back([&, i] {
        start.arrive_and_wait();
        succeeded[i] = flush_repeatedly(opened[i].get(), options.seconds, times[i]) ? 1 : 0;
      });
    }
  }
  for (std::size_t i = 0; i < files; ++i) {
    if (succeeded[i] == 0) return fail(error_code::io_failed, "a write or flush failed");
    if (i > 0) times[0].merge(times[i]);
  }
  return std::move(times[0]);
}

/// Two ends of a TCP connection over loopback, without Nagle's delay.
struct connected_pair {
  file_descriptor near;
  file_descriptor far;
};

result<connected_pair> connect_over_loopback() {
  const file_descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof(address);
  if (bind(listener.get(), any, length) != 0 || listen(listener.get(), 1) != 0 ||
      getsockname(listener.get(), any, &length) != 0) {
    return system_failure("listen");
  }
  connected_pair pair{file_descriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), {}};
  if (connect(pair.near.get(), any, length) != 0) return system_failure("connect");
  pair.far = file_descriptor(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!pair.far.is_open()) return system_failure("accept");
  const int on = 1;
  setsockopt(pair.near.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(pair.far.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return pair;
}

bool receive_whole(int socket, std::array<char, message_size>& message) {
  return recv(socket, message.data(), message.size(), MSG_WAITALL) == message_size;
}

bool send_whole(int socket, const std::array<char, message_size>& message) {
  return send(socket, message.data(), message.size(), MSG_NOSIGNAL) == message_size;
}

/// Puts the calling thread on one of the processors that it may use; `which` counts from 0 and
/// wraps around.
void stay_on_processor(int which) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  int left = which % CPU_COUNT(&allowed);
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &allowed) || left-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    (void)sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

result<latency_histogram> exchange_messages(const connected_pair& pair, double seconds) {
  // On two processors, like two nodes: on one, the scheduler hands over without waking anyone, and
  // the figure depends on where it happened to put the threads.
  const std::jthread echo([socket = pair.far.get()] {
    stay_on_processor(1);
    std::array<char, message_size> message{};
    while (receive_whole(socket, message) && send_whole(socket, message)) continue;
  });
  latency_histogram times;
  std::array<char, message_size> message{};
  bool well = true;
  const auto end = steady::now() + std::chrono::duration<double>(seconds);
  while (well && steady::now() < end) {
    const auto start = steady::now();
    well = send_whole(pair.near.get(), message) && receive_whole(pair.near.get(), message);
    times.record(since(start));
  }
  shutdown(pair.near.get(), SHUT_RDWR);
  if (!well) return system_failure("round trip");
  return times;
}

result<latency_histogram> measure_round_trips(double seconds) {
  auto pair = connect_over_loopback();
  if (!pair) return std::unexpected(pair.error());
  result<latency_histogram> times;
  // A thread of its own, so that nobody else has to stay on its processor.
  std::thread([&] {
    stay_on_processor(0);
    times = exchange_messages(*pair, seconds);
  }).join();
  return times;
}

std::string name_of_file_system(const std::string& directory) {
  struct statfs about{};
  if (statfs(directory.c_str(), &about) != 0) return "unknown";
  switch (static_cast<unsigned long>(about.f_type)) {
    case EXT4_SUPER_MAGIC:
      return "ext4";
    case TMPFS_MAGIC:
      return "tmpfs";
    case XFS_SUPER_MAGIC:
      return "xfs";
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlayfs";
    default:
      return fmt::format("{:#x}", about.f_type);
  }
}

double microseconds(const latency_histogram& times, double fraction) {
  return static_cast<double>(times.percentile(fraction)) / 1e3;
}

std::string row(std::string_view name, const latency_histogram& times) {
  return fmt::format("  {:<44} {:>8.1f} {:>8.1f}\n", name, microseconds(times, 0.5),
                     microseconds(times, 0.99));
}

std::string pair_of(std::string_view name, const latency_histogram& times) {
  return fmt::format(R"("{}":{{"p50_us":{:.2f},"p99_us":{:.2f},"count":{}}})", name,
                     microseconds(times, 0.5), microseconds(times, 0.99), times.count());
}

}  // namespace

double machine_limits::floor_us() const {
  return microseconds(round_trip, 0.5) + microseconds(flush_three, 0.5);
}

result<machine_limits> measure_limits(const limit_options& options) {
  machine_limits limits;
  limits.file_system = name_of_file_system(options.directory);
  auto alone = measure_flushes(options, 1);
  if (!alone) return std::unexpected(alone.error());
  auto three = measure_flushes(options, 3);
  if (!three) return std::unexpected(three.error());
  auto round_trip = measure_round_trips(options.seconds);
  if (!round_trip) return std::unexpected(round_trip.error());
  limits.flush_alone = std::move(*alone);
  limits.flush_three = std::move(*three);
  limits.round_trip = std::move(*round_trip);
  return limits;
}

std::string to_text(const machine_limits& limits) {
  return fmt::format("  limits of this machine ({})                         p50 us   p99 us\n",
                     limits.file_system) +
         row("write 4 KiB and fdatasync, prewritten space", limits.flush_alone) +
         row("the same, three files at once", limits.flush_three) +
         row("loopback round trip of 128 bytes", limits.round_trip) +
         fmt::format("  {:<44} {:>8.1f}\n", "F = round trip + flush of three", limits.floor_us());
}

std::string to_json(const machine_limits& limits) {
  return fmt::format(R"({{"file_system":"{}",{},{},{},"floor_us":{:.2f}}})", limits.file_system,
                     pair_of("flush_alone", limits.flush_alone),
                     pair_of("flush_three", limits.flush_three),
                     pair_of("round_trip", limits.round_trip), limits.floor_us());
}

}  // namespace mainstay::bench
