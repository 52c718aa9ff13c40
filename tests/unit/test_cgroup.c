// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Memory cgroups from recorded files: v1, v2, both at once, containers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proc/cgroup.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID  "4f1bc0ed7a6e5d20c3b2a19f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b"
#define POD "kubepods-burstable-pod6f2f0c1e_3f1b_4c55_9d0e_0a3f6b9d3c11.slice"
#define MIB (1ULL << 20)

static void parsed(const char *text, unsigned version, const char *path, const char *container,
		   const char *runtime, const char *unit)
{
	struct cgroup c = {};

	assert_int_equal(cgroup_parse(text, &c), 0);
	assert_int_equal(c.version, version);
	assert_string_equal(c.path, path);
	assert_string_equal(c.container, container);
	assert_string_equal(c.runtime, runtime);
	assert_string_equal(c.unit, unit);
}

static void test_hosts(void **state)
{
	struct cgroup c = {};

	/* Debian 12 */
	parsed("0::/system.slice/prometheus.service\n", 2, "/system.slice/prometheus.service", "",
	       "", "prometheus.service");
	parsed("0::/user.slice/user-1000.slice/session-3.scope\n", 2,
	       "/user.slice/user-1000.slice/session-3.scope", "", "", "session-3.scope");
	parsed("0::/user.slice/user-1000.slice/user@1000.service/app.slice/etcd.service", 2,
	       "/user.slice/user-1000.slice/user@1000.service/app.slice/etcd.service", "", "",
	       "etcd.service");
	parsed("0::/\n", 2, "/", "", "", "");
	/* v1 with v2 beside it: the memory controller is where it is named */
	parsed("12:pids:/\n5:cpu,cpuacct:/\n4:memory:/work/a\n"
	       "1:name=systemd:/system.slice/cron.service\n0::/system.slice/cron.service\n",
	       1, "/work/a", "", "", "cron.service");
	parsed("4:hugetlb,memory:/a:b\n0::/c\n", 1, "/a:b", "", "", "");
	/* not a controller of that name */
	parsed("4:memoryx:/a\n3:xmemory:/b\n0::/c\n", 2, "/c", "", "", "");
	assert_int_equal(cgroup_parse("", &c), -ENOENT);
	assert_int_equal(cgroup_parse("4:cpu:/\n", &c), -ENOENT);
	assert_int_equal(cgroup_parse("garbage\n:\n::\n", &c), -ENOENT);
}

static void test_containers(void **state)
{
	parsed("0::/system.slice/docker-" ID ".scope\n", 2, "/system.slice/docker-" ID ".scope", ID,
	       "docker", "docker-" ID ".scope");
	parsed("11:memory:/docker/" ID "\n0::/\n", 1, "/docker/" ID, ID, "docker", "");
	parsed("0::/kubepods.slice/kubepods-burstable.slice/" POD "/cri-containerd-" ID ".scope\n",
	       2, "/kubepods.slice/kubepods-burstable.slice/" POD "/cri-containerd-" ID ".scope",
	       ID, "containerd", "cri-containerd-" ID ".scope");
	parsed("4:memory:/kubepods/burstable/pod6f2f0c1e-3f1b-4c55-9d0e-0a3f6b9d3c11/" ID "\n", 1,
	       "/kubepods/burstable/pod6f2f0c1e-3f1b-4c55-9d0e-0a3f6b9d3c11/" ID, ID, "", "");
	/* containerd with the other driver's kind of path */
	parsed("0::/system.slice/containerd.service/" POD ":cri-containerd:" ID "\n", 2,
	       "/system.slice/containerd.service/" POD ":cri-containerd:" ID, ID, "containerd",
	       "containerd.service");
	parsed("0::/kubepods.slice/" POD "/crio-" ID ".scope/container\n", 2,
	       "/kubepods.slice/" POD "/crio-" ID ".scope/container", ID, "cri-o",
	       "crio-" ID ".scope");
	parsed("0::/machine.slice/libpod-" ID ".scope\n", 2, "/machine.slice/libpod-" ID ".scope",
	       ID, "podman", "libpod-" ID ".scope");
	parsed("0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID
	       ".scope/container\n",
	       2,
	       "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID
	       ".scope/container",
	       ID, "podman", "libpod-" ID ".scope");
	/* the deepest one: a container in a container */
	parsed("0::/docker/0000000000000000000000000000000000000000000000000000000000000000/docker/" ID
	       "\n",
	       2,
	       "/docker/0000000000000000000000000000000000000000000000000000000000000000/docker/" ID,
	       ID, "docker", "");
	/* 63 and 65 digits, 32 digits, upper case: none of them */
	parsed("0::/docker/0" ID "\n", 2, "/docker/0" ID, "", "", "");
	parsed("0::/docker/123456789012345678901234567890123456789012345678901234567890123\n", 2,
	       "/docker/123456789012345678901234567890123456789012345678901234567890123", "", "",
	       "");
	parsed("0::/x/8ed003e0e57065bfebd9f0f669f9ec01\n", 2, "/x/8ed003e0e57065bfebd9f0f669f9ec01",
	       "", "", "");
	parsed("0::/x/A" ID "\n", 2, "/x/A" ID, "", "", "");
}

static void located(const char *info, unsigned version, const char *path, const char *mount,
		    const char *rest)
{
	char m[1024], r[1024];

	assert_int_equal(cgroup_locate(info, version, path, m, r, sizeof(m)), 0);
	assert_string_equal(m, mount);
	assert_string_equal(r, rest);
}

static void hidden(const char *info, unsigned version, const char *path)
{
	char m[1024], r[1024];

	assert_int_equal(cgroup_locate(info, version, path, m, r, sizeof(m)), -ENOENT);
}

static const char v2_host[] =
	"21 28 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
	"34 21 0:29 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 "
	"rw,nsdelegate,memory_recursiveprot\n";

static const char hybrid_host[] =
	"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
	"32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
	"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
	"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

static void test_mounts(void **state)
{
	located(v2_host, 2, "/system.slice/a.service", "/sys/fs/cgroup", "/system.slice/a.service");
	located(v2_host, 2, "/", "/sys/fs/cgroup", "");
	hidden(v2_host, 1, "/a");
	located(hybrid_host, 1, "/a/b", "/sys/fs/cgroup/memory", "/a/b");
	located(hybrid_host, 2, "/a/b", "/sys/fs/cgroup/unified", "/a/b");
	/* controllers that are mounted together, a mount point with a blank */
	located("40 30 0:30 / /my\\040groups rw - cgroup none rw,cpuset,memory\n", 1, "/a",
		"/my groups", "/a");
	hidden("40 30 0:30 / /groups rw - cgroup none rw,memoryless\n", 1, "/a");
	/* in a container without a cgroup namespace: its group is the root of the mount */
	located("900 800 0:32 /docker/" ID " /sys/fs/cgroup/memory ro,nosuid master:18 - cgroup "
		"memory rw,memory\n",
		1, "/docker/" ID, "/sys/fs/cgroup/memory", "");
	located("900 800 0:32 /docker/" ID " /sys/fs/cgroup/memory ro - cgroup memory rw,memory\n",
		1, "/docker/" ID "/inner", "/sys/fs/cgroup/memory", "/inner");
	/* somebody else's, and one whose name only begins like it */
	hidden("900 800 0:32 /docker/" ID " /m ro - cgroup memory rw,memory\n", 1, "/docker/other");
	hidden("900 800 0:32 /a /m ro - cgroup memory rw,memory\n", 1, "/ab");
	/* outside of our cgroup namespace: never a path that climbs out of the mount */
	hidden(v2_host, 2, "/../other.slice");
	hidden(v2_host, 2, "/..");
	located("9 8 0:29 /.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", 2, "/../other",
		"/sys/fs/cgroup", "/other");
	located(v2_host, 2, "/..a", "/sys/fs/cgroup", "/..a");
	/* of two, the one that shows more */
	located("9 8 0:29 /a /one rw - cgroup2 cgroup2 rw\n8 8 0:29 / /two rw - cgroup2 x rw\n", 2,
		"/a/b", "/two", "/a/b");
	hidden("no mounts\n\n - \n", 2, "/");
}

/* ---- files ---- */

static char root[] = "/tmp/gomemtrace-cgroup.XXXXXX";

static void put(const char *dir, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", root, dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s%s/%s", root, dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int make_root(void **state)
{
	strcpy(root + sizeof(root) - 7, "XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int drop_root(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -r %s", root);
	return system(cmd);
}

/* The keys of Linux 6.12. */
static const char v2_stat[] =
	"anon 325058560\nfile 148897792\nkernel 12959744\nkernel_stack 1179648\n"
	"pagetables 2326528\nsec_pagetables 0\npercpu 12672\nsock 331776\nvmalloc 40960\n"
	"shmem 38797312\nzswap 0\nzswapped 0\nfile_mapped 21131264\nfile_dirty 4096\n"
	"file_writeback 0\nswapcached 0\nanon_thp 0\nfile_thp 0\nshmem_thp 0\n"
	"inactive_anon 363683840\nactive_anon 172032\ninactive_file 60817408\n"
	"active_file 49283072\nunevictable 0\nslab_reclaimable 7340032\n"
	"slab_unreclaimable 1572864\nslab 8912896\nworkingset_refault_anon 0\n"
	"workingset_refault_file 0\npgscan 0\n";

static void test_v2(void **state)
{
	struct cgroup c = { .version = 2 };

	put("", "memory.stat", "anon 1\nfile 2\n"); /* the root has no limit and no usage */
	put("/top", "memory.max", "419430400\n");
	put("/top", "memory.current", "524288000\n");
	put("/top", "memory.stat", "anon 1\ninactive_file 209715200\n");
	put("/top/mid", "memory.max", "max\n");
	put("/top/mid/leaf", "memory.max", "1073741824\n");
	put("/top/mid/leaf", "memory.high", "max\n");
	put("/top/mid/leaf", "memory.current", "487387136\n");
	put("/top/mid/leaf", "memory.swap.current", "4096\n");
	put("/top/mid/leaf", "memory.stat", v2_stat);
	put("/top/mid/leaf", "cgroup.procs", "1\n0\n");
	assert_int_equal(cgroup_read_files(root, "/top/mid/leaf", getpid(), &c), 0);
	assert_int_equal(c.usage, 487387136);
	assert_int_equal(c.working_set, 487387136 - 60817408);
	assert_int_equal(c.anon, 325058560);
	assert_int_equal(c.file, 148897792);
	assert_int_equal(c.shmem, 38797312);
	assert_int_equal(c.file_mapped, 21131264);
	assert_int_equal(c.kernel, 12959744);
	assert_int_equal(c.slab, 8912896);
	assert_int_equal(c.slab_reclaimable + c.slab_unreclaimable, c.slab);
	assert_int_equal(c.pagetables, 2326528);
	assert_int_equal(c.kernel_stack, 1179648);
	assert_int_equal(c.percpu, 12672);
	assert_int_equal(c.vmalloc, 40960);
	assert_int_equal(c.sock, 331776);
	assert_int_equal(c.swap, 4096);
	assert_int_equal(c.high, CGROUP_UNKNOWN);
	assert_int_equal(c.hugetlb, CGROUP_UNKNOWN);
	assert_int_equal(c.residual, 487387136 - 325058560 - 148897792 - 12959744 - 331776);
	assert_true(c.residual_bound >= 3 * 64 * 4096);
	assert_int_equal(c.limit, 1024 * MIB);
	assert_int_equal(c.nlevels, 2);
	assert_string_equal(c.level[0].path, "/top/mid/leaf");
	assert_string_equal(c.level[1].path, "/top");
	assert_int_equal(c.level[1].headroom, 100 * MIB);
	assert_int_equal(c.tightest, 1);
	assert_int_equal(c.processes, 2);
	assert_int_equal(c.others, 2);
	assert_int_equal(c.unreadable, 1); /* the 0: in no pid namespace of ours */
	assert_true(c.others_rss > 0);
}

static const char v1_stat[] =
	"cache 4096\nrss 8192\nrss_huge 0\nshmem 0\nmapped_file 0\ndirty 0\nwriteback 0\nswap 0\n"
	"inactive_file 4096\nactive_file 0\nunevictable 0\n"
	"hierarchical_memory_limit 314572800\nhierarchical_memsw_limit 9223372036854771712\n"
	"total_cache 60817408\ntotal_rss 104857600\ntotal_rss_huge 0\ntotal_shmem 38797312\n"
	"total_mapped_file 1048576\ntotal_swap 8192\ntotal_inactive_file 20971520\n"
	"total_active_file 1048576\n";

static void test_v1(void **state)
{
	struct cgroup c = { .version = 1 };

	put("", "memory.limit_in_bytes", "9223372036854771712\n");
	put("/a", "memory.limit_in_bytes", "524288000\n");
	put("/a", "memory.usage_in_bytes", "178257920\n");
	put("/a", "memory.stat", v1_stat);
	put("/a", "memory.kmem.usage_in_bytes", "12582912\n");
	put("/a", "memory.kmem.tcp.usage_in_bytes", "0\n");
	put("/a", "memory.kmem.tcp.limit_in_bytes", "9223372036854771712\n");
	put("/a", "cgroup.procs", "");
	put("/a/below", "cgroup.procs", "1\n");
	assert_int_equal(cgroup_read_files(root, "/a", getpid(), &c), 0);
	assert_int_equal(c.anon, 104857600);
	assert_int_equal(c.file, 60817408);
	assert_int_equal(c.shmem, 38797312);
	assert_int_equal(c.file_mapped, 1048576);
	assert_int_equal(c.swap, 8192);
	assert_int_equal(c.kernel, 12582912);
	assert_int_equal(c.slab, CGROUP_UNKNOWN);
	assert_int_equal(c.pagetables, CGROUP_UNKNOWN);
	assert_int_equal(c.sock, CGROUP_UNKNOWN); /* not counted, rather than 0 */
	assert_int_equal(c.working_set, 178257920 - 20971520);
	assert_int_equal(c.residual, 0);
	assert_int_equal(c.limit, 500 * MIB);
	/* a limit further up than the mount shows */
	assert_int_equal(c.nlevels, 2);
	assert_int_equal(c.level[1].limit, 300 * MIB);
	assert_int_equal(c.level[1].usage, CGROUP_UNKNOWN);
	assert_int_equal(c.level[1].headroom, INT64_MIN);
	assert_int_equal(c.tightest, 0);
	assert_int_equal(c.processes, 1);
	/* TCP memory, once somebody limited it */
	put("/a", "memory.kmem.tcp.usage_in_bytes", "65536\n");
	put("/a", "memory.kmem.tcp.limit_in_bytes", "1048576\n");
	assert_int_equal(cgroup_read_files(root, "/a", getpid(), &c), 0);
	assert_int_equal(c.sock, 65536);
	assert_int_equal(c.residual, 0); /* v1 does not charge it */
}

static void test_odd(void **state)
{
	struct cgroup c = { .version = 2 };

	assert_int_equal(cgroup_read_files(root, "/none", getpid(), &c), -ENOENT);
	put("/e", "memory.stat", "");
	put("/e", "memory.current", "x\n");
	put("/e", "memory.max", "\n");
	put("/e", "cgroup.procs", "12x\nfoo\n");
	assert_int_equal(cgroup_read_files(root, "/e", getpid(), &c), 0);
	assert_int_equal(c.usage, CGROUP_UNKNOWN);
	assert_int_equal(c.working_set, CGROUP_UNKNOWN);
	assert_int_equal(c.anon, CGROUP_UNKNOWN);
	assert_int_equal(c.limit, CGROUP_UNKNOWN);
	assert_int_equal(c.nlevels, 0);
	assert_int_equal(c.tightest, -1);
	assert_int_equal(c.residual, INT64_MIN);
	/* usage below inactive_file: read at different instants */
	put("/e", "memory.stat", "inactive_file 100\n");
	put("/e", "memory.current", "50\n");
	assert_int_equal(cgroup_read_files(root, "/e", getpid(), &c), 0);
	assert_int_equal(c.working_set, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test_setup_teardown(test_v2, make_root, drop_root),
		cmocka_unit_test_setup_teardown(test_v1, make_root, drop_root),
		cmocka_unit_test_setup_teardown(test_odd, make_root, drop_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
