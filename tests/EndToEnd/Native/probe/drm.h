/* What of the DRM interface the probe speaks; its headers are in a package that a machine may lack. */
#ifndef PROBE_DRM_H
#define PROBE_DRM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

struct drm_version {
    int major, minor, patch;
    size_t name_length;
    char *name;
    size_t date_length;
    char *date;
    size_t description_length;
    char *description;
};

struct drm_gem_close { uint32_t handle, pad; };
struct drm_get_cap { uint64_t capability, value; };
struct drm_prime_handle { uint32_t handle, flags; int32_t fd; };
struct drm_create_dumb { uint32_t height, width, bpp, flags, handle, pitch; uint64_t size; };
struct drm_map_dumb { uint32_t handle, pad; uint64_t offset; };
struct vgem_fence_attach { uint32_t handle, flags, out_fence, pad; };
struct vgem_fence_signal { uint32_t fence, flags; };

#define DRM_VERSION _IOWR('d', 0x00, struct drm_version)
#define DRM_GEM_CLOSE _IOW('d', 0x09, struct drm_gem_close)
#define DRM_GET_CAP _IOWR('d', 0x0c, struct drm_get_cap)
#define DRM_PRIME_HANDLE_TO_FD _IOWR('d', 0x2d, struct drm_prime_handle)
#define DRM_PRIME_FD_TO_HANDLE _IOWR('d', 0x2e, struct drm_prime_handle)
#define DRM_MODE_CREATE_DUMB _IOWR('d', 0xb2, struct drm_create_dumb)
#define DRM_MODE_MAP_DUMB _IOWR('d', 0xb3, struct drm_map_dumb)
#define DRM_VGEM_FENCE_ATTACH _IOWR('d', 0x41, struct vgem_fence_attach)
#define DRM_VGEM_FENCE_SIGNAL _IOW('d', 0x42, struct vgem_fence_signal)

#endif
