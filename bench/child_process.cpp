/// fork, exec and pipes.
#include "bench/child_process.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mainstay::bench {

namespace {

/// The child's side: only calls that are allowed between fork and exec.
[[noreturn]] void become(const std::vector<char*>& arguments, int input, int output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  execv("/proc/self/exe", arguments.data());
  _exit(127);
}

}  // namespace

result<child_process> child_process::start_self(const std::vector<std::string>& arguments) {
  std::string name = "bench_cluster";
  std::vector<std::string> copies = arguments;
  std::vector<char*> pointers{name.data()};
  for (auto& copy : copies) pointers.push_back(copy.data());
  pointers.push_back(nullptr);

  std::array<int, 2> to_child{};
  std::array<int, 2> from_child{};
  if (pipe2(to_child.data(), O_CLOEXEC) != 0 || pipe2(from_child.data(), O_CLOEXEC) != 0) {
    return fail(error_code::io_failed, fmt::format("pipe: {}", std::strerror(errno)));
  }
  file_descriptor input(to_child[1]);
  file_descriptor output(from_child[0]);
  const file_descriptor child_input(to_child[0]);
  const file_descriptor child_output(from_child[1]);
  const pid_t id = fork();
  if (id < 0) return fail(error_code::io_failed, fmt::format("fork: {}", std::strerror(errno)));
  if (id == 0) become(pointers, child_input.get(), child_output.get());
  return child_process(id, std::move(input), std::move(output));
}

child_process::child_process(pid_t id, file_descriptor input, file_descriptor output)
    : id_(id), input_(std::move(input)), output_(std::move(output)) {}

child_process::child_process(child_process&& other) noexcept
    : id_(std::exchange(other.id_, -1)),
      input_(std::move(other.input_)),
      output_(std::move(other.output_)),
      received_(std::move(other.received_)) {}

child_process::~child_process() {
  if (id_ < 0) return;
  kill(id_, SIGKILL);
  waitpid(id_, nullptr, 0);
}

result<void> child_process::send(std::string line) {
  line += '\n';
  const auto written = write(input_.get(), line.data(), line.size());
  if (written == static_cast<ssize_t>(line.size())) return {};
  return fail(error_code::disconnected, fmt::format("process {} takes no input", id_));
}

result<std::string> child_process::receive(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    const auto end = received_.find('\n');
    if (end != std::string::npos) {
      auto line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd waiting{output_.get(), POLLIN, 0};
    if (left.count() <= 0 || poll(&waiting, 1, static_cast<int>(left.count())) == 0) {
      return fail(error_code::timed_out, fmt::format("process {} said nothing", id_));
    }
    std::array<char, 4096> buffer;
    const auto count = read(output_.get(), buffer.data(), buffer.size());
    if (count <= 0) return fail(error_code::disconnected, fmt::format("process {} ended", id_));
    received_.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

result<std::string> child_process::ask(std::string line, std::chrono::milliseconds timeout) {
  if (auto sent = send(std::move(line)); !sent) return std::unexpected(sent.error());
  return receive(timeout);
}

double child_process::cpu_seconds() const {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(id_, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void child_process::reset_peak_memory() const {
  std::ofstream(fmt::format("/proc/{}/clear_refs", id_)) << "5";
}

std::uint64_t child_process::peak_memory_bytes() const {
  std::ifstream status(fmt::format("/proc/{}/status", id_));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
  }
  return 0;
}

}  // namespace mainstay::bench
