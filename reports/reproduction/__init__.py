"""The claims of the Open-o3-Video paper (arXiv 2510.20579), reproduced in small or at full size, one by one."""
