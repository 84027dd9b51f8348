/// The ready-made bundle with real parts: log on disk, TCP on loopback, threads.
#include <array>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <span>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include "mainstay/base/checksum.hpp"
#include "mainstay/mainstay.hpp"

namespace mainstay {
namespace {

/// Adds numbers.
struct adder {
  long total = 0;

  result<shared_bytes> apply(const applied_command& command) {
    total += std::atol(std::string(command.payload.text()).c_str());
    return shared_bytes::copy_of(std::to_string(total));
  }
  result<shared_bytes> query(const shared_bytes&) {
    return shared_bytes::copy_of(std::to_string(total));
  }
  result<void> save(const snapshot_writer&) { return {}; }
  result<void> restore(const snapshot_reader&) { return {}; }
};

/// How much slower an instrumented build works through large payloads, at worst.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int slowness = 5;
#else
constexpr int slowness = 1;
#endif

/// Directory and addresses of three nodes; the ports were free a moment ago.
class three_nodes {
 public:
  three_nodes() {
    std::string name = (std::filesystem::temp_directory_path() / "mainstay-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    boost::asio::io_context context;
    std::array<boost::asio::ip::tcp::acceptor, 3> ports{
        boost::asio::ip::tcp::acceptor(context, {boost::asio::ip::address_v4::loopback(), 0}),
        boost::asio::ip::tcp::acceptor(context, {boost::asio::ip::address_v4::loopback(), 0}),
        boost::asio::ip::tcp::acceptor(context, {boost::asio::ip::address_v4::loopback(), 0})};
    for (std::size_t i = 0; i < 3; ++i) {
      if (i != 0) members_ += ',';
      members_ +=
          std::to_string(i + 1) + "=127.0.0.1:" + std::to_string(ports[i].local_endpoint().port());
    }
  }
  ~three_nodes() {
    nodes_ = {};
    std::filesystem::remove_all(directory_);
  }

  instance_options options(std::uint64_t id) const {
    return {.id = id, .directory = directory_ + "/" + std::to_string(id), .members = members_};
  }
  void start(std::uint64_t id) { start(options(id)); }
  void start(const instance_options& options) {
    auto opened = instance<adder>::open(options, adder{});
    ASSERT_TRUE(opened) << opened.error().message;
    nodes_[options.id - 1] = *std::move(opened);
  }
  void stop(std::uint64_t id) { nodes_[id - 1].reset(); }

  instance<adder>& operator[](std::uint64_t id) { return *nodes_[id - 1]; }

  /// Submits until somebody takes it; only what was surely refused is tried again.
  std::string add(std::uint64_t id, std::string_view number) {
    while (true) {
      auto& node = (*this)[id];
      const auto outcome = node.submit(shared_bytes::copy_of(number),
                                       {.deadline = node.in(slowness * std::chrono::seconds(20))},
                                       boost::asio::use_future)
                               .get();
      if (outcome) return std::string(outcome->text());
      if (outcome_of(outcome.error().code) == outcome::unknown) return outcome.error().message;
    }
  }

 private:
  std::string directory_;
  std::string members_;
  std::array<std::unique_ptr<instance<adder>>, 3> nodes_;
};

TEST(Instance, ThreeNodesAgreeAndAnyOfThemServes) {
  three_nodes c;
  for (const std::uint64_t id : {1, 2, 3}) c.start(id);

  EXPECT_EQ(c.add(1, "1"), "1");
  EXPECT_EQ(c.add(2, "20"), "21");
  EXPECT_EQ(c.add(3, "300"), "321");
}

TEST(Instance, RestartOfAllFindsEverythingOnDisk) {
  three_nodes c;
  for (const std::uint64_t id : {1, 2, 3}) c.start(id);
  ASSERT_EQ(c.add(1, "5"), "5");

  for (const std::uint64_t id : {1, 2, 3}) c.stop(id);
  for (const std::uint64_t id : {1, 2, 3}) c.start(id);

  EXPECT_EQ(c.add(2, "6"), "11");
}

TEST(Instance, MajorityServesAndTheMissingNodeCatchesUp) {
  three_nodes c;
  c.start(1);
  c.start(2);
  for (int i = 1; i <= 100; ++i) ASSERT_EQ(c.add(1, "1"), std::to_string(i));

  c.start(3);
  c.stop(1);

  EXPECT_EQ(c.add(3, "1"), "101");  // only with node 3 is there a majority
}

TEST(Instance, DirectoryOfAnotherNodeIsRefused) {
  three_nodes c;
  c.start(1);
  c.stop(1);
  auto options = c.options(2);
  options.directory = c.options(1).directory;

  const auto opened = instance<adder>::open(options, adder{});

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, error_code::wrong_identity);
}

// Hazards 67 and 68. The peer's other disk comes after a restart of this node.
TEST(Instance, PeersDisksAreKnownAfterARestart) {
  three_nodes c;
  const auto open_log = [&c] {
    const auto prepared = detail::prepare(c.options(1));
    return wal_engine::open(prepared->storage).value();
  };
  {
    const auto log = open_log();
    ASSERT_TRUE(identities_beside(*log)->admit(node_id(3), incarnation(33)).has_value());
  }

  const auto log = open_log();
  const auto identities = identities_beside(*log);
  EXPECT_TRUE(identities->admit(node_id(3), incarnation(33)).has_value());
  EXPECT_EQ(identities->admit(node_id(3), incarnation(34)).error().code,
            error_code::wrong_identity);
}

// The list that a node is given at a restart is not the one that its votes and its log rest on:
// with one more name in it a majority would be another (docs/decisions/0004).
TEST(Instance, TheMembersOfTheFirstStartStay) {
  three_nodes c;
  auto options = c.options(1);
  options.cluster = 77;
  options.members = options.members.substr(0, options.members.find(','));
  c.start(options);
  ASSERT_EQ(c.add(1, "5"), "5");
  c.stop(1);

  options.members = c.options(1).members;
  c.start(options);

  EXPECT_EQ(c.add(1, "6"), "11");
  EXPECT_EQ(c[1].status().configuration.voters.size(), 1U);
}

// A cluster's identity is derived from its members alone, so that every version of this library
// derives the same.
TEST(Instance, TheDerivedClusterIdStaysWhatItWas) {
  const auto members = parse_members("1=a:1,2=b:22");
  std::string bytes("\1\2\1\0\0\0\0\0\0\0\3", 11);
  bytes += "a:1" + std::string("\2\0\0\0\0\0\0\0\4", 9) + "b:22" + std::string(2, '\0');

  EXPECT_EQ(derived_cluster_id(*members).value(), checksum(std::as_bytes(std::span(bytes))) | 1);
}

// Hazard H1: the node admits what its log cannot hold, and one command stops every node it reaches.
TEST(Instance, CommandsThatTheLogCannotHoldAreRefusedAtTheStart) {
  three_nodes c;
  auto options = c.options(1);
  options.core.max_command_bytes = (16 << 20) + 1;

  const auto opened = instance<adder>::open(options, adder{});

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, error_code::invalid_argument);
  EXPECT_NE(opened.error().message.find("core.max_command_bytes"), std::string::npos);
}

// Hazard H1: the largest command that is allowed goes through.
TEST(Instance, LargestCommandFitsEveryLayer) {
  three_nodes c;
  for (const std::uint64_t id : {1, 2, 3}) {
    auto options = c.options(id);
    options.core.max_command_bytes = 16 << 20;
    // For slow disks.
    options.core.election_timeout_min = slowness * std::chrono::seconds(4);
    options.core.election_timeout_max = slowness * std::chrono::seconds(5);
    c.start(options);
  }

  EXPECT_EQ(c.add(2, std::string(16 << 20, '0')), "0");
  EXPECT_EQ(c.add(3, "1"), "1");
}

TEST(Instance, AddressInUseIsAnErrorNotACrash) {
  three_nodes c;
  c.start(1);
  auto options = c.options(1);
  options.directory += "-other";

  const auto opened = instance<adder>::open(options, adder{});

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, error_code::io_failed);
}

// The largest settings that a node may have: what it sends then must not be refused by the
// transport under a name that the node's settings do not have.
TEST(PeerOptions, WhateverANodeMaySendFitsInAFrame) {
  constexpr std::uint64_t mib = 1 << 20;
  node_options node{.id = node_id(1), .members = *parse_members("1=127.0.0.1:7101")};
  node.core.max_command_bytes = 256 * mib;
  node.core.max_uncommitted_bytes = 512 * mib;
  node.core.max_append_bytes = node.core.max_inflight_bytes = 64 * mib;
  node.core.snapshot_chunk_bytes = node.max_forward_bytes = 64 * mib;
  node.max_pending_bytes = 512 * mib;
  ASSERT_TRUE(check(node));

  auto options = peer_options(node, cluster_id(1), 1);
  options.disk = incarnation(1);
  const auto sound = check(options);

  ASSERT_TRUE(sound) << sound.error().message;
  EXPECT_GE(options.limits.max_frame_bytes, 320 * mib);
}

}  // namespace
}  // namespace mainstay
